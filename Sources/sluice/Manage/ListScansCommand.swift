import ArgumentParser
import SluiceClient

/// `sluice scans list`: all scans that the token may read.
struct ListScansCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List scans, the newest first.",
        discussion: "Exits with 1 if the gateway refuses or cannot be reached."
    )

    @OptionGroup
    var client: ClientOptions

    @Option(name: .long, help: "Only scans that stand so.")
    var state: ScanQuery.Outcome?

    @Option(name: .long, help: ArgumentHelp("Only scans with this in their id or name.", valueName: "text"))
    var search: String?

    @Option(name: .long, help: "What the list is ordered by.")
    var sort = ScanQuery.Order.started

    @Flag(name: .long, help: "The other way around: the oldest, the fewest, the first in the alphabet's end.")
    var reverse = false

    @Option(name: .long, help: ArgumentHelp("List so many at most.", valueName: "count"))
    var limit: Int?

    @Flag(name: .long, help: "Print each scan as the gateway tells it, as JSON, one a line.")
    var json = false

    func validate() throws {
        guard self.limit ?? 1 > 0 else {
            throw ValidationError("--limit is a number from 1.")
        }
        guard self.search != "" else {
            throw ValidationError("--search is empty.")
        }
    }

    func run() async throws {
        var query = ScanQuery()
        query.outcome = self.state
        query.part = self.search
        query.order = self.sort
        // By id from A to Z, by everything else the newest and the most first.
        query.isDescending = (self.sort == .id) == self.reverse
        query.maximumCount = self.limit ?? .max
        let wanted = query
        let scans = try await Managing.asked(self.client) { api throws(GatewayAPI.Failure) in
            try await api.scans(wanted)
        }
        if self.json {
            Managing.show(json: scans.map { $0.json })
        } else {
            Managing.show(ManagedText.table(ofScans: scans.map { $0.node }, now: Managing.now).lines)
        }
    }
}

extension ScanQuery.Outcome: ExpressibleByArgument {}
extension ScanQuery.Order: ExpressibleByArgument {}
