internal import NIOCore
internal import SluiceRelay

/// What a subscriber asks for in the query, checked.
///
/// WebSockets and event streams share it.
struct SubscriptionQuery: Sendable, Equatable {
    var since: Seq?
    var epoch: String?
    var filter = TypeFilter.everything
    var isBatched: Bool?
    var framesPerSecond: Double?
    var wantsGzip = false
    var wait: TimeAmount?

    /// The least frame rate that may be asked for.
    static let minimumRate = 0.1
    /// The longest wait for a scan, in seconds.
    static let maximumWaitSeconds = 300.0
    /// The longest epoch that is looked at.
    static let maximumEpochLength = 64

    /// Nothing asked for.
    init() {}

    /// - Throws: What to answer instead.
    init(_ query: QueryParameters) throws(Problem) {
        self.since = try QueryReader.integer("since", in: query, 0...UInt64.max)
        self.epoch = try Self.checkedEpoch(try QueryReader.text("epoch", in: query))
        self.filter = try QueryReader.filter("filters", in: query)
        self.isBatched = try QueryReader.choice("batch", in: query, ["on", "off"]).map { $0 == "on" }
        self.framesPerSecond = try QueryReader.number("rate", in: query, atLeast: Self.minimumRate)
        self.wantsGzip = try QueryReader.choice("encoding", in: query, ["gzip"]) != nil
        self.wait = try Self.checkedWait(try QueryReader.number("wait", in: query, atLeast: 0))
    }

    /// The relay's form of it.
    func request(for scanID: ScanID, form: WireForm) -> SubscriptionRequest {
        var request = SubscriptionRequest(scanID: scanID, form: form)
        request.since = self.since
        request.epoch = self.epoch
        request.filter = self.filter
        request.framesPerSecond = self.framesPerSecond
        request.isBatched = self.isBatched
        request.wait = self.wait
        return request
    }

    /// Checks a wait, in seconds.
    static func checkedWait(_ seconds: Double?) throws(Problem) -> TimeAmount? {
        guard let seconds else {
            return nil
        }
        guard (0...Self.maximumWaitSeconds).contains(seconds) else {
            throw Problem(.invalidParameter, "wait is a number of seconds, at most \(Int(Self.maximumWaitSeconds))")
        }
        return .milliseconds(Int64(seconds * 1000))
    }

    /// Checks an epoch: any text that could be one.
    static func checkedEpoch(_ epoch: String?) throws(Problem) -> String? {
        guard let epoch else {
            return nil
        }
        guard epoch.utf8.count <= Self.maximumEpochLength else {
            throw Problem(.invalidParameter, "epoch is what the subscribed frame says")
        }
        return epoch.isEmpty ? nil : epoch
    }
}
