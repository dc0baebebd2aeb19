internal import SluiceHTTP
internal import SluiceRelay

/// Which page of a scan's history a query asks for.
///
/// It refuses unknown parameters: a misspelt condition must not look like one that every message meets.
struct HistoryQuery: Sendable {
    /// The most messages of one page, and how many it has unless asked otherwise.
    static let maximumCount = 1000
    static let defaultCount = 500
    /// The most bytes of messages in one page.
    static let maximumBytes = 4 * 1024 * 1024
    /// All parameters that the query may have, besides credentials.
    private static let names = ["since", "before", "order", "limit", "filters", "severity", "q", "times"]
    private static let credentials = ["token", "ticket"]

    var request: HistoryRequest
    /// Whether the page says when its messages came.
    var hasTimes: Bool

    /// - Throws: The answer to give instead.
    init(_ query: QueryParameters) throws(Problem) {
        guard query.all.allSatisfy({ Self.names.contains($0.name) || Self.credentials.contains($0.name) }) else {
            throw Problem(
                .invalidParameter,
                "the query has a parameter that is unknown here; known are \(Self.names.joined(separator: ", "))"
            )
        }
        let limit = try QueryReader.integer("limit", in: query, 1...UInt64(Self.maximumCount))
        self.request = HistoryRequest(
            maximumCount: limit.map { Int($0) } ?? Self.defaultCount,
            maximumBytes: Self.maximumBytes
        )
        self.request.after = try QueryReader.seq("since", in: query) ?? 0
        self.request.before = try QueryReader.seq("before", in: query)
        let order = try QueryReader.choice("order", in: query, ["asc", "desc"])
        self.request.order = order == "desc" ? .descending : .ascending
        self.request.selection = MessageSelection(
            filter: try QueryReader.filter("filters", in: query),
            severities: try Self.severities(query),
            search: try QueryReader.search("q", in: query).flatMap { TextSearch($0.utf8) }
        )
        self.hasTimes = try QueryReader.choice("times", in: query, ["true", "false"]) == "true"
    }

    /// Severities separated by commas, in any case; nothing means all messages.
    private static func severities(_ query: QueryParameters) throws(Problem) -> Set<String>? {
        guard let text = try QueryReader.text("severity", in: query), !text.isEmpty else {
            return nil
        }
        let severities = text.split(separator: ",").map { $0.lowercased() }
        guard 1...MessageSelection.maximumSeverityCount ~= severities.count else {
            throw Problem(
                .invalidParameter,
                "severity names 1 to \(MessageSelection.maximumSeverityCount) severities, separated by commas"
            )
        }
        guard severities.allSatisfy({ $0.utf8.count <= MessageSeverity.maximumByteCount }) else {
            throw Problem(.invalidParameter, "a severity has at most \(MessageSeverity.maximumByteCount) bytes")
        }
        return Set(severities)
    }
}
