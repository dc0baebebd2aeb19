import ArgumentParser
import Logging
import SluiceClient
import SluiceServer
import UnixSignals

/// The command `sluice demo`.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show the gateway at its job, with throw-away keys and a real scan of this machine.",
        discussion: """
            Starts a gateway on 127.0.0.1 with a certificate of its own, runs nmap of 127.0.0.1 through it (a \
            recorded scan where nmap is not installed), and shows what a subscriber sees. Ctrl-C ends everything.

            With --app it stands in front of a small application with a login of its own (a Python program), whose \
            page follows the scan with nothing but its session cookie.
            """
    )

    /// The scan that the demo feeds.
    private static let scan = "demo"
    /// How long the demo's tokens hold, in seconds.
    private static let tokenLifetime: Int64 = 86_400
    /// The pause between two scans.
    private static let pause = Duration.seconds(20)

    @Option(name: .long, help: "The port for clients; 0 for any that is free.")
    var port = 8443

    @Flag(name: .long, help: "Scan once and end when the subscriber has seen it.")
    var once = false

    @Flag(name: .long, help: "Stand in front of an application with a login of its own; needs python3.")
    var app = false

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        let folder = try DemoFolder()
        defer { folder.remove() }
        let application = self.app ? try DemoApplication(scan: Self.scan, in: folder) : nil
        defer { application?.end() }
        let gateway = try await self.start(folder, application)
        let url = "https://localhost:\(gateway.port)"
        var claims = TokenMint.Claims(subject: "alice", secondsToLive: Self.tokenLifetime)
        claims.scans = [Self.scan]
        let auth = try folder.configuration(port: gateway.port, application: application).auth
        let token = try TokenMint.sign(claims, auth: auth)
        if let application { self.explain(application, url) }
        self.explain(url, token: token, authority: folder.authority)
        let work = Task { try await self.work(url, token: token, folder) }
        let interruption = Task {
            for await _ in signals {
                work.cancel()
                return
            }
        }
        let result = await work.result
        interruption.cancel()
        try await gateway.stop()
        if case .failure(let error) = result, !(error is CancellationError) {
            throw error
        }
    }

    /// On the usual port, or where that is taken on any that is free.
    private func start(_ folder: DemoFolder, _ application: DemoApplication?) async throws -> Gateway {
        let logger = Logger(label: "sluice")
        let configuration = { try folder.configuration(port: $0, application: application) }
        do {
            return try await Gateway(try configuration(self.port), logger: logger)
        } catch let failure as ListenFailure where failure.isInUse && self.port != 0 {
            Console.error("port \(self.port) is taken; taking another")
            return try await Gateway(try configuration(0), logger: logger)
        }
    }

    private func explain(_ url: String, token: String, authority: String) {
        Console.line(
            """
            The gateway serves at \(url) (certificate authority: \(authority)).

            In a browser (accept the certificate):
              \(url)\(self.app ? DemoApplication.console : "/")#token=\(token)&scan=\(Self.scan)

            As an event stream:
              echo 'Authorization: Bearer \(token)' | curl -N --cacert \(authority) -H @- '\(url)/api/scans/\(Self.scan)/events?since=0'

            Ctrl-C ends it all.

            """
        )
    }

    private func explain(_ application: DemoApplication, _ url: String) {
        Console.line(
            """
            The application stands behind the gateway, at \(url)/
              user: \(DemoApplication.user)
              password: \(application.password)

            """
        )
    }

    /// Runs the scanner again and again, and shows a subscriber's view of it.
    private func work(_ url: String, token: String, _ folder: DemoFolder) async throws {
        let scanner = DemoScanner()
        Console.line(
            scanner.isRecorded
                ? "nmap is not installed: feeding a recorded scan. This is what a subscriber sees:"
                : "Scanning this machine: \(scanner.command.joined(separator: " "))\nThis is what a subscriber sees:"
        )
        let watch = Task { try await self.watch(url, token: token, folder) }
        defer { watch.cancel() }
        repeat {
            let runner = try ScanRunner(
                options: ScanRunner.Options(
                    scanID: Self.scan,
                    command: scanner.command,
                    format: scanner.format,
                    connection: try GatewayConnection(
                        url: url,
                        tokenFile: folder.ingestKey,
                        certificateAuthorityFile: folder.authority
                    )
                ),
                output: { _, _ in true },
                report: { Console.error("sluice run: \($0)") }
            )
            _ = await runner.run()
            try await Task.sleep(for: self.once ? .seconds(1) : Self.pause)
        } while !self.once
    }

    private func watch(_ url: String, token: String, _ folder: DemoFolder) async throws {
        let view = TerminalView { Console.error("sluice watch: \($0)") }
        let watcher = try Watcher(
            options: WatchOptions(
                scanID: Self.scan,
                connection: try GatewayConnection(
                    url: url,
                    token: token,
                    certificateAuthorityFile: folder.authority
                ),
                since: 0,
                wait: 300
            ),
            sink: view.show
        )
        _ = await watcher.run()
        view.close()
    }
}
