import SluiceBase

/// Decides how a stream continues when one of its requests has ended: whether another follows, and where it starts.
struct PublishMachine: Sendable {
    /// How a request ended.
    enum Ending: Sendable {
        /// The gateway took all of it; its answer.
        case accepted([UInt8])

        /// The gateway said no; whether there is another token than the refused one.
        case refused(GatewayProblem, hasNewToken: Bool)

        /// There was no answer.
        case failed(String)
    }

    /// The action to take.
    enum Action: Sendable, Equatable {
        case finish(PublishOutcome)

        /// Another request follows; why, unless it was said already.
        case goOn(after: Duration, reason: String?)
    }

    /// How long a gateway may take nothing before the stream is given up.
    static let patience = Duration.seconds(30)

    private let scanID: ScanID
    private var acceptedCount = 0
    private var lastSeq: Int?
    private var requestCount = 0
    private var lastProgress = Duration.zero
    private var backoff = Backoff(base: .milliseconds(250), maximum: .seconds(5))

    init(scanID: ScanID) {
        self.scanID = scanID
    }

    /// A request has ended.
    ///
    /// - Parameters:
    ///   - ending: How.
    ///   - ledger: The lines sent; continues after those that the gateway took.
    ///   - now: The time since the stream began.
    ///   - jitter: A random number from 0 to 1.
    /// - Returns: Whether another request follows.
    mutating func ended(
        _ ending: Ending,
        ledger: inout PublishLedger,
        now: Duration,
        jitter: Double
    ) -> Action {
        self.requestCount += 1
        switch ending {
        case .accepted(let answer):
            return .finish(.accepted(self.summary(of: answer)))
        case .failed(let reason):
            // It is unknown whether the sent lines were taken; only unsent lines can be sent.
            guard !ledger.hasSent, self.requestCount > 1, now - self.lastProgress < Self.patience else {
                return .finish(.failed(reason, self.taken))
            }
            return self.goOn(reason, jitter: jitter, atLeast: nil)
        case .refused(let problem, let hasNewToken):
            return self.refused(problem, hasNewToken: hasNewToken, ledger: &ledger, now: now, jitter: jitter)
        }
    }

    private mutating func refused(
        _ problem: GatewayProblem,
        hasNewToken: Bool,
        ledger: inout PublishLedger,
        now: Duration,
        jitter: Double
    ) -> Action {
        // An answer of the gateway's own that counts nothing has taken nothing; of others it is not known.
        guard let count = problem.accepted ?? (problem.code == nil && ledger.hasSent ? nil : 0) else {
            return .finish(.refused(problem, self.taken))
        }
        let told = problem.movedDown(byLines: ledger.firstLine)
        self.acceptedCount += count
        self.lastSeq = problem.lastSeq ?? self.lastSeq
        if count > 0 {
            self.lastProgress = now
            self.backoff.succeeded()
        }
        guard problem.isTemporary || hasNewToken, now - self.lastProgress < Self.patience else {
            return .finish(.refused(told, self.taken))
        }
        let lostCount = ledger.confirmed(count)
        if lostCount > 0 {
            return .finish(.failed("\(told); \(lostCount) message(s) behind those are no longer kept here", self.taken))
        }
        // Another request would have nothing to say.
        if ledger.isDone { return .finish(.accepted(self.summary(of: nil))) }
        let atLeast = problem.retryAfter.map { min($0, Self.patience / 2) }
        return self.goOn("\(told)\(self.taken.words)", jitter: jitter, atLeast: atLeast)
    }

    private mutating func goOn(_ reason: String, jitter: Double, atLeast: Duration?) -> Action {
        let isNews = self.backoff.failureCount == 0
        let delay = self.backoff.failed(jitter: jitter, atLeast: atLeast)
        return .goOn(after: delay, reason: isNews ? "\(reason); going on" : nil)
    }

    /// The messages that have their numbers so far.
    var taken: PublishOutcome.Taken {
        PublishOutcome.Taken(count: self.acceptedCount, lastSeq: self.lastSeq)
    }

    /// One request's answer as it came; after several requests an answer that counts all of them.
    private func summary(of answer: [UInt8]?) -> String {
        if self.requestCount == 1, let answer { return String(decoding: answer, as: UTF8.self) }
        let node = answer.flatMap { try? JSONReader.read($0) }
        let count = min(max(node?["accepted"]?.integer ?? 0, 0), 1 << 53)
        var object = JSONWriter()
        object.beginObject()
        object.member("scanId", self.scanID.text)
        object.member("accepted", self.acceptedCount + count)
        object.member("lastSeq", ifPresent: node?["lastSeq"]?.integer ?? self.lastSeq)
        object.endObject()
        return String(decoding: object.bytes, as: UTF8.self)
    }
}

/// How publishing ended.
package enum PublishOutcome: Sendable, Equatable {
    /// The messages that have their numbers, and must not be posted again.
    package struct Taken: Sendable, Equatable {
        var count = 0
        var lastSeq: Int?

        /// A clause to follow a reason; empty where nothing was taken.
        var words: String {
            guard self.count > 0 else { return "" }
            let number = self.lastSeq.map { ", the last as number \($0)" } ?? ""
            return "; \(self.count) message(s) before that were taken\(number)"
        }
    }

    /// All was taken; the gateway's answer, a line of JSON.
    case accepted(String)

    /// The gateway said no.
    case refused(GatewayProblem, Taken)

    /// There was no answer, or the connection broke.
    case failed(String, Taken)

    /// Why not all was taken, as a sentence; nothing if all was.
    package var failure: String? {
        switch self {
        case .accepted:
            nil
        case .refused(let problem, let taken):
            "the gateway refused: \(problem)\(taken.words)"
        case .failed(let reason, let taken):
            reason + taken.words
        }
    }
}
