import ArgumentParser
import SluiceClient

/// `sluice watch`: follow a scan.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow a scan in the terminal.",
        discussion: """
            Shows each message as it comes, with a progress bar below where standard output is a terminal. Comes \
            back by itself after an interruption, and goes on where it was. A finished scan may go on, so that it \
            is watched until the gateway lets go of it (relay.cleanup_delay, usually 5 minutes later). Exits with 0 \
            then, and with 1 when the gateway does not want it to come back.
            """
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @OptionGroup
    var client: ClientOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Begin after this message; 0 for all that is kept.", valueName: "seq")
    )
    var since: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Show only these types, separated by commas.", valueName: "types")
    )
    var filters: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Wait this long for a scan that does not exist yet, 300 at most.", valueName: "seconds")
    )
    var wait: Int?

    @Flag(name: .long, help: "Print each message as it is, one a line.")
    var json = false

    func validate() throws {
        // The largest number that every client can count (2^53 - 1).
        if let since = self.since, !(0...9_007_199_254_740_991).contains(since) {
            throw ValidationError("--since is a number from 0 to 9007199254740991.")
        }
        if let wait = self.wait, !(0...300).contains(wait) {
            throw ValidationError("--wait is a number of seconds from 0 to 300.")
        }
    }

    func run() async throws {
        let options = WatchOptions(
            scanID: self.scan,
            connection: try self.client.connection(),
            since: self.since,
            filters: (self.filters ?? "").split(separator: ",").map(String.init),
            wait: self.wait
        )
        let view = TerminalView(isRaw: self.json, report: ClientOptions.report)
        let watcher = try ClientOptions.checked { () throws(ClientError) in
            try Watcher(options: options, sink: view.show)
        }
        let outcome = await watcher.run()
        view.close()
        switch outcome {
        case .completed(let reason):
            ClientOptions.report(reason.isEmpty ? "the subscription has ended" : reason)
        case .failed(let reason):
            ClientOptions.report(reason)
            throw ExitCode(1)
        }
    }
}
