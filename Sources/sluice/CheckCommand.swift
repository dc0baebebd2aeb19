import ArgumentParser
import Logging
import NIOCore
import NIOPosix
import SluiceBase
import SluiceClient
import SluiceEngine
import SluiceServer

/// The command `sluice check`.
struct CheckCommand: AsyncParsableCommand {
    /// What ends it where the engine is away: EX_UNAVAILABLE of sysexits(3).
    private static let awayExit = ExitCode(69)

    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without starting, or the line to a gateway that runs.",
        discussion: """
            Says everything that is wrong with the configuration, with its place. Exits with 0, or with 78 if something is.

            With --engine the engine is asked, too, and nothing is changed there: 69 where it is away, 78 where it cannot \
            be used like this.

            With --probe it goes to a gateway through the proxies before it instead, and says whether upgrades pass, \
            whether event streams and uploads are buffered, after how many seconds idle lines are cut, whether \
            compression survives, whether the client's address, scheme and host arrive, and whether HTTP/2 is spoken. The \
            token has to have the scope ingest and be one that may read and delete what it posts. Exits with 1 if \
            something is bad.
            """
    )

    @OptionGroup
    var file: ConfigurationOption

    @Flag(name: .long, help: "Print every key with its default, its variable and what it does, and check nothing.")
    var reference = false

    @Flag(name: .long, help: "Ask the engine whether this gateway could use it, too.")
    var engine = false

    @Option(name: .long, help: ArgumentHelp("Look at the line to this gateway instead.", valueName: "url"))
    var probe: String?

    @Option(
        name: .long,
        help: ArgumentHelp("How long lines are held to see whether they are cut, 1 to 600.", valueName: "seconds")
    )
    var wait = 20.0

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        guard (1...600).contains(self.wait) else {
            throw ValidationError("--wait has 1 to 600 seconds.")
        }
    }

    func run() async throws {
        if self.reference {
            Console.line(GatewayConfiguration.reference)
            return
        }
        if let probe = self.probe {
            try await Self.look(at: probe, by: self.client, wait: self.wait)
            return
        }
        let loaded = try self.file.load()
        for warning in loaded.warnings {
            Console.error("warning: \(warning.description)")
        }
        if self.engine {
            try await Self.ask(loaded.configuration)
        }
        if let plan = CertificatePlan.text(loaded.configuration, now: WallTime.now()) {
            Console.line(plan)
        }
        Console.line("\(self.file.config): good")
    }

    private static func look(at url: String, by options: ClientOptions, wait: Double) async throws {
        var client = options
        client.url = [url]
        let connection = try client.connection()
        let facts: ProbeFacts
        do {
            facts = try await LineProbe(connection, wait: wait).run()
        } catch {
            ClientOptions.report("no line to \(url): \(error)")
            throw ExitCode.failure
        }
        let findings = facts.findings
        let width = findings.map(\.subject.count).max() ?? 0
        for finding in findings {
            let subject = finding.subject + String(repeating: " ", count: width - finding.subject.count)
            let verdict = finding.verdict.rawValue + String(repeating: " ", count: 4 - finding.verdict.rawValue.count)
            Console.line("\(verdict)  \(subject)  \(finding.text)")
        }
        guard findings.allSatisfy({ $0.verdict != .bad }) else {
            throw ExitCode.failure
        }
    }

    private static func ask(_ gateway: GatewayConfiguration) async throws {
        let configuration: EngineConfiguration?
        do {
            configuration = try EngineFactory.configuration(gateway)
        } catch {
            Console.error("\(error)")
            throw ConfigurationOption.faultExit
        }
        guard let configuration else {
            Console.error("engine.nats.servers names none: this gateway is alone")
            throw ConfigurationOption.faultExit
        }
        let logger = Logger(label: "sluice") { _ in SwiftLogNoOpLogHandler() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outcome =
            try await EngineProbe.run(
                configuration,
                on: group.next(),
                timeout: .seconds(5),
                logger: logger
            )
            .get()
        try await group.shutdownGracefully()
        switch outcome {
        case .ready:
            Console.line("engine: good")
        case .unavailable(let why):
            Console.error("engine: \(why)")
            throw Self.awayExit
        case .refused(let why):
            Console.error("engine: \(why)")
            throw ConfigurationOption.faultExit
        }
    }
}
