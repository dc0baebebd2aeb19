import ArgumentParser
import SluiceBase
import SluiceClient

/// `sluice link`: a link to the console that signs in once.
struct LinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link",
        abstract: "Print a link to the console that signs in once.",
        discussion: """
            The link has a ticket in it and not the token. Whoever opens it first, within 30 seconds, is signed in with the \
            token of this command; after that it is worth nothing, in a terminal's scrollback or wherever else it is kept. \
            Exits with 1 if the gateway refuses or cannot be reached. An ingest key signs nobody in.
            """
    )

    @Option(name: .long, help: ArgumentHelp("The scan to show.", valueName: "scan"))
    var scan: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Where the console is, if the gateway's console.path moved it.", valueName: "path")
    )
    var console = "/"

    @OptionGroup
    var client: ClientOptions

    func validate() throws {
        _ = try self.scanID()
    }

    func run() async throws {
        let scan = try self.scanID()
        let link = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.signInLink(scan: scan, console: self.console)
        }
        Managing.show([link])
    }

    private func scanID() throws -> ScanID? {
        guard let scan = self.scan else {
            return nil
        }
        guard let id = ScanID(scan) else {
            throw ValidationError("--scan is the id of a scan.")
        }
        return id
    }
}
