import ArgumentParser
import SluiceClient

/// `sluice run`: run a scanner.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a scanner and relay what it finds.",
        usage: "sluice run --scan <id> [<options>] -- <command> …",
        discussion: """
            Passes the scanner's output through unchanged, posts what it finds, and always ends the scan: \
            scanCompleted after exit 0, else error. A scanner that is faster than the gateway waits for it; while the \
            gateway is away messages wait, and the scanner is not held up. SIGINT, SIGTERM and SIGHUP are passed on to the scanner.

            Exits as the scanner did: with its code, or 128 plus the number of the signal that ended it; \
            127 if there is no such command, 126 if it cannot be run. After exit 0 with 76, if the gateway refused \
            messages for good (a token without the right, a message that it does not take); a line on standard error \
            says why.

            Tokens end. Where one will, a line at the start says when; what is posted later is refused. A token in \
            --token-file is read again when the file changes, and messages wait for it.

            nmap tells most with: nmap -v --stats-every 1s … (or with -oX -). What a format does not know of the \
            output is posted as lines; docs/scanners.md says what becomes what.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The scan's id.", valueName: "id"))
    var scan: String

    @Option(name: .long, help: "What the scanner writes.")
    var format = ScanFormat.auto

    @Option(name: .long, help: ArgumentHelp("How people call the scan.", valueName: "name"))
    var name: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The user who may read the scan without a token for it: the token's sub.", valueName: "user")
    )
    var owner: String?

    @Option(name: .long, help: ArgumentHelp("A word for scanStarted, more than once if need be.", valueName: "tag"))
    var tag: [String] = []

    @OptionGroup
    var client: ClientOptions

    @Option(
        name: .long,
        help: ArgumentHelp("How long to go on delivering after the scanner's end, at most.", valueName: "seconds")
    )
    var drainTimeout = 30

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The scanner and its arguments.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if self.command.isEmpty { throw ValidationError("Which scanner? Give its command after --.") }
        if !(0...86_400).contains(self.drainTimeout) {
            throw ValidationError("--drain-timeout is a number of seconds from 0 to 86400.")
        }
    }

    func run() async throws {
        let options = ScanRunner.Options(
            scanID: self.scan,
            command: self.command,
            format: self.format,
            introduction: ScanIntroduction(name: self.name, owner: self.owner),
            tags: self.tag,
            connection: try self.client.connection(),
            drainTimeout: .seconds(self.drainTimeout),
            forwardsSignals: true
        )
        let runner = try ClientOptions.checked { () throws(ClientError) in
            try ScanRunner(options: options, report: ClientOptions.report)
        }
        throw ExitCode(await runner.run().code)
    }
}

extension ScanFormat: ExpressibleByArgument {}
