internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// A subscriber's checked query.
///
/// WebSockets and event streams share it.
struct SubscriptionQuery: Sendable, Equatable {
    var since: Seq?
    var epoch: String?
    var filter = TypeFilter.everything
    var isBatched: Bool?
    var framesPerSecond: Double?
    var wantsGzip = false
    /// Whether frames are to say when their messages came.
    var hasTimes = false
    var wait: TimeAmount?

    /// The least frame rate that may be asked for.
    static let minimumRate = 0.1
    /// The longest wait for a scan, in seconds.
    static let maximumWaitSeconds = 300.0
    /// The longest epoch that is looked at.
    static let maximumEpochLength = 64

    /// Nothing asked for.
    init() {}

    /// - Throws: The answer to give instead.
    init(_ query: QueryParameters) throws(Problem) {
        self.since = try QueryReader.seq("since", in: query)
        self.epoch = try Self.checkedEpoch(try QueryReader.text("epoch", in: query))
        self.filter = try QueryReader.filter("filters", in: query)
        self.isBatched = try QueryReader.choice("batch", in: query, ["on", "off"]).map { $0 == "on" }
        self.framesPerSecond = try QueryReader.number("rate", in: query, atLeast: Self.minimumRate)
        self.wantsGzip = try QueryReader.choice("encoding", in: query, ["gzip"]) != nil
        self.hasTimes = try QueryReader.choice("times", in: query, ["true", "false"]) == "true"
        self.wait = try Self.checkedWait(try QueryReader.number("wait", in: query, atLeast: 0))
    }

    /// A browser's own reconnect continues after the last event that it has.
    ///
    /// - Parameter lastEventID: The value of `Last-Event-ID`; an empty one says nothing.
    /// - Throws: The answer to give instead.
    mutating func resume(after lastEventID: String) throws(Problem) {
        guard !lastEventID.isEmpty else {
            return
        }
        let parts = lastEventID.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let seq = Seq(parts[1]) else {
            throw Problem(.invalidParameter, "Last-Event-ID is the id of an event: <epoch>:<seq>")
        }
        self.epoch = try Self.checkedEpoch(String(parts[0]))
        self.since = seq
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
        request.form.hasTimes = form.hasTimes || self.hasTimes
        return request
    }

    /// Checks a wait, in seconds.
    static func checkedWait(_ seconds: Double?) throws(Problem) -> TimeAmount? {
        guard let seconds else {
            return nil
        }
        guard (0...Self.maximumWaitSeconds).contains(seconds) else {
            let most = Int(clamping: Self.maximumWaitSeconds)
            throw Problem(.invalidParameter, "wait is a number of seconds, at most \(most)")
        }
        return .milliseconds(Int64(clamping: seconds * 1000))
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
