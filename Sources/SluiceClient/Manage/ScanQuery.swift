/// Which scans are listed.
package struct ScanQuery: Sendable {
    /// How scans stand.
    package enum Outcome: String, Sendable, CaseIterable {
        case running
        case stalled
        case completed
        case failed
    }

    /// What they are ordered by.
    package enum Order: String, Sendable, CaseIterable {
        case id
        case started
        case lastMessage = "last-message"
        case messages
        case severity
    }

    /// Only those that stand so.
    package var outcome: Outcome?
    /// Only those with this in their id or name.
    package var part: String?
    package var order = Order.started
    package var isDescending = true
    package var maximumCount = Int.max

    package init() {}

    /// What the gateway is asked for.
    ///
    /// - Parameter after: The last scan of the page before.
    /// - Returns: Parameters of a URL.
    func parameters(after: String?) -> [(name: String, value: String)] {
        let order = self.order.rawValue.replacing("-", with: "_")
        var parameters = [
            ("sort", (self.isDescending ? "-" : "") + order), ("limit", "\(min(self.maximumCount, 1000))"),
        ]
        parameters += self.outcome.map { [("outcome", $0.rawValue)] } ?? []
        parameters += self.part.map { [("q", $0)] } ?? []
        parameters += after.map { [("after", $0)] } ?? []
        return parameters.map { (name: $0.0, value: $0.1) }
    }
}
