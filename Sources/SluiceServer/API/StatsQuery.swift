internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Which scans the statistics list, in which order, from where on.
struct StatsQuery: Sendable, Hashable {
    /// The order of the list; equal scans by id.
    enum Order: String, Sendable, CaseIterable {
        case id
        case started
        case lastMessage = "last_message"
        case messages
        /// By critical findings, then high ones, and so on.
        case severity
    }

    /// The most scans of one page, which is also how many it has unless asked otherwise.
    static let maximumCount = 1000

    var limit = StatsQuery.maximumCount
    /// The last scan of the page before.
    var after: ScanID?
    var outcome: ScanOutcome?
    /// A part of the id or the name, in either case.
    var part: NamePart?
    var order = Order.id
    var isDescending = false
    /// Whether the outcomes and severities of all scans that are found are summed up.
    var hasTotals = false

    /// All scans.
    init() {}

    /// - Throws: The answer to give instead.
    init(_ query: QueryParameters) throws(Problem) {
        if let limit = try QueryReader.integer("limit", in: query, 1...UInt64(Self.maximumCount)) {
            self.limit = Int(limit)
        }
        if let text = try QueryReader.text("after", in: query) {
            guard let scanID = ScanID(text) else {
                throw Problem(.invalidParameter, "after is the id of a scan")
            }
            self.after = scanID
        }
        let outcomes = ScanOutcome.allCases.map { $0.rawValue }
        self.outcome = try QueryReader.choice("outcome", in: query, outcomes).flatMap { ScanOutcome(rawValue: $0) }
        self.part = try QueryReader.search("q", in: query).flatMap { NamePart($0) }
        let orders = Order.allCases.flatMap { [$0.rawValue, "-\($0.rawValue)"] }
        self.hasTotals = try QueryReader.choice("totals", in: query, ["true"]) != nil
        if let sort = try QueryReader.choice("sort", in: query, orders) {
            self.isDescending = sort.hasPrefix("-")
            self.order = Order(rawValue: self.isDescending ? String(sort.dropFirst()) : sort) ?? .id
        }
    }
}

/// A part of a name that is looked for without regard to the case of ASCII letters.
struct NamePart: Sendable, Hashable {
    private let search: TextSearch

    /// - Parameter text: At least one byte; bytes beyond `TextSearch.maximumByteCount` are ignored.
    init?(_ text: String) {
        guard let search = TextSearch(text.utf8.map({ Self.folded($0) })) else {
            return nil
        }
        self.search = search
    }

    /// Whether the name contains it.
    func stands(in name: String) -> Bool {
        let bytes = name.utf8.map { Self.folded($0) }
        return self.search.isFound(in: bytes.span)
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
