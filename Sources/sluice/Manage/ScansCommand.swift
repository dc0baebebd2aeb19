import ArgumentParser
import SluiceBase
import SluiceClient

/// `sluice scans`: what a gateway has.
struct ScansCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scans",
        abstract: "List a gateway's scans, look at one, delete some.",
        discussion: """
            Without a subcommand it lists all scans that the token may read. Exits with 1 if the gateway refuses or \
            cannot be reached, and with 64 for a wrong command line.
            """,
        subcommands: [ListScansCommand.self, ShowScanCommand.self, DeleteScansCommand.self],
        defaultSubcommand: ListScansCommand.self
    )
}

/// `sluice scans show`: how one scan stands.
struct ShowScanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show how one scan stands.",
        discussion: "Exits with 1 if there is no such scan, or the gateway refuses or cannot be reached."
    )

    @Argument(help: ArgumentHelp("The scan's id.", valueName: "scan"))
    var scan: String

    @OptionGroup
    var client: ClientOptions

    @Flag(name: .long, help: "Print what the gateway answers, as JSON.")
    var json = false

    func run() async throws {
        let id = try ClientOptions.checked { () throws(ClientError) in try ScanID(checked: self.scan) }
        let object = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.scan(id)
        }
        if self.json {
            Managing.show(json: [object.json])
        } else {
            Managing.show(ManagedText.lines(ofScan: object.node, now: Managing.now))
        }
    }
}

/// `sluice scans delete`: remove scans.
struct DeleteScansCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete scans with all that is kept of them.",
        discussion: """
            Who follows one of them is told that it is over; messages in the storage are erased. The others are deleted \
            though one is refused; then it exits with 1.
            """
    )

    @Argument(help: ArgumentHelp("The scans' ids.", valueName: "scan"))
    var scans: [String]

    @OptionGroup
    var client: ClientOptions

    func run() async throws {
        let ids = try ClientOptions.checked { () throws(ClientError) in
            try self.scans.map { text throws(ClientError) in try ScanID(checked: text) }
        }
        let api = GatewayAPI(try self.client.connection())
        var isWhole = true
        for id in ids {
            do throws(GatewayAPI.Failure) {
                try await api.delete(id)
                Managing.show(["\(id.text): deleted"])
            } catch {
                ClientOptions.report("\(id.text): \(error)")
                isWhole = false
            }
        }
        guard isWhole else {
            throw ExitCode.failure
        }
    }
}
