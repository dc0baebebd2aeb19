/// What to watch.
package struct WatchOptions: Sendable {
    /// The scan's id, see ``ScanName``.
    package var scanID: String

    package var connection: GatewayConnection

    /// Begin after this message; 0 for all that is kept, nothing for what comes from now on.
    package var since: Int?

    /// The epoch that `since` counts in, if it is known.
    package var epoch: String?

    /// The types to show; none for all.
    package var filters: [String]

    /// How many seconds to wait for a scan that does not exist yet, at most 300.
    package var wait: Int?

    package init(
        scanID: String,
        connection: GatewayConnection,
        since: Int? = nil,
        epoch: String? = nil,
        filters: [String] = [],
        wait: Int? = nil
    ) {
        self.scanID = scanID
        self.connection = connection
        self.since = since
        self.epoch = epoch
        self.filters = filters
        self.wait = wait
    }
}
