internal import Dispatch
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay
internal import Synchronization

/// The statistics for all callers.
///
/// With many scans, each answer is made at most once a second for each set of rights and query, and all scans are
/// summed up at most once a second; callers in between get the same answer. With few scans each caller gets its own
/// answer, which includes everything acknowledged before. Answers are made one after the other on a separate thread, so
/// that they delay no event loop, however many are requested.
final class StatsBoard: Sendable {
    /// An answer; nil where the page's place is unknown.
    typealias Answer = ByteBuffer?

    /// Where scans come from.
    struct Source: Sendable {
        /// How many there are.
        var count: @Sendable () -> Int
        /// All of them, in chunks.
        var summaries: @Sendable (any EventLoop) -> EventLoopFuture<[[ScanSummary]]>
    }

    typealias Worker = Relay.Worker

    /// Which scans a caller may read.
    private enum Rights: Hashable {
        case all
        /// The user's own scans, by the bytes of the name, as Unicode has several spellings for one text; and the
        /// patterns.
        case some(subject: [UInt8], [ScanPattern])
        case none

        init(_ identity: Identity) {
            if !identity.isUser {
                self = .none
            } else if identity.isAdmin || identity.scans?.contains(ScanPattern("*")) ?? false {
                self = .all
            } else {
                self = .some(subject: Array(identity.subject.text.utf8), identity.scans ?? [])
            }
        }
    }

    /// The key of an answer: everything it depends on.
    private struct Key: Hashable {
        var rights: Rights
        var query: StatsQuery
    }

    private struct Kept<Value: Sendable> {
        var value: EventLoopFuture<Value>
        var startedAt: NIODeadline
        /// How many bytes it holds; nil while it is being made.
        var byteCount: Int?
        /// Which making it is of.
        var number: UInt64

        func isFresh(now: NIODeadline) -> Bool {
            self.byteCount == nil || now < self.startedAt + StatsBoard.lifetime
        }
    }

    private struct State {
        var answers: [Key: Kept<Answer>] = [:]
        var summaries: Kept<[[ScanSummary]]>?
        var nextNumber: UInt64 = 0
    }

    /// Up to this many scans every answer is made anew.
    static let fewScans = 256
    /// How long an answer holds from the moment at which its making began.
    static let lifetime = TimeAmount.seconds(1)
    /// The most answers kept, and the most bytes of them; the oldest go first.
    static let maximumAnswers = 256
    static let maximumBytes = 16 * 1024 * 1024

    private let source: Source
    private let worker: Worker
    private let state = Mutex(State())

    init(source: Source, worker: @escaping Worker = StatsBoard.thread()) {
        self.source = source
        self.worker = worker
    }

    /// A worker that is a thread of its own.
    static func thread(_ label: String = "sluice.statistics") -> Worker {
        let queue = DispatchQueue(label: label, qos: .utility)
        return { work in queue.async { work() } }
    }

    /// The statistics that this user may read.
    func answer(_ identity: Identity, _ query: StatsQuery, on eventLoop: any EventLoop) -> EventLoopFuture<Answer> {
        guard self.source.count() > Self.fewScans else {
            return self.make(identity, query, out: self.source.summaries(eventLoop), on: eventLoop)
        }
        let key = Key(rights: Rights(identity), query: query)
        let now = eventLoop.now
        let promise = eventLoop.makePromise(of: Answer.self)
        let (kept, number) = self.state.withLock { state -> (EventLoopFuture<Answer>?, UInt64) in
            if let kept = state.answers[key], kept.isFresh(now: now) {
                return (kept.value, 0)
            }
            state.nextNumber += 1
            state.answers[key] = Kept(value: promise.futureResult, startedAt: now, number: state.nextNumber)
            return (nil, state.nextNumber)
        }
        if let kept {
            promise.completeWith(kept)
            return promise.futureResult
        }
        self.make(identity, query, out: self.summaries(on: eventLoop), on: eventLoop)
            .whenComplete { result in
                self.settle(key, number, byteCount: (try? result.get())?.map { $0.readableBytes } ?? 0, on: eventLoop)
                promise.completeWith(result)
            }
        return promise.futureResult
    }

    /// All scans, as they were within the last second.
    private func summaries(on eventLoop: any EventLoop) -> EventLoopFuture<[[ScanSummary]]> {
        let now = eventLoop.now
        let promise = eventLoop.makePromise(of: [[ScanSummary]].self)
        let (kept, number) = self.state.withLock { state -> (EventLoopFuture<[[ScanSummary]]>?, UInt64) in
            if let kept = state.summaries, kept.isFresh(now: now) {
                return (kept.value, 0)
            }
            state.nextNumber += 1
            state.summaries = Kept(value: promise.futureResult, startedAt: now, number: state.nextNumber)
            return (nil, state.nextNumber)
        }
        if let kept {
            promise.completeWith(kept)
            return promise.futureResult
        }
        self.source.summaries(eventLoop)
            .whenComplete { result in
                self.state.withLock { state in
                    if state.summaries?.number == number {
                        state.summaries?.byteCount = 0
                    }
                }
                self.forgetLater(on: eventLoop)
                promise.completeWith(result)
            }
        return promise.futureResult
    }

    private func make(
        _ identity: Identity,
        _ query: StatsQuery,
        out summaries: EventLoopFuture<[[ScanSummary]]>,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Answer> {
        let promise = eventLoop.makePromise(of: Answer.self)
        let worker = self.worker
        summaries.whenComplete { result in
            switch result {
            case .success(let chunks):
                worker { promise.succeed(StatsReport(chunks, rights: identity, query: query).body()) }
            case .failure(let error):
                promise.fail(error)
            }
        }
        return promise.futureResult
    }

    /// An answer was made; the kept answers stay within their limits.
    private func settle(_ key: Key, _ number: UInt64, byteCount: Int, on eventLoop: any EventLoop) {
        self.state.withLock { state in
            if state.answers[key]?.number == number {
                state.answers[key]?.byteCount = byteCount
            }
            var made = state.answers.filter { $0.value.byteCount != nil }
            var bytes = made.values.reduce(0) { $0 + ($1.byteCount ?? 0) }
            while bytes > Self.maximumBytes || state.answers.count > Self.maximumAnswers,
                let oldest = made.min(by: { $0.value.startedAt < $1.value.startedAt })
            {
                made[oldest.key] = nil
                state.answers[oldest.key] = nil
                bytes -= oldest.value.byteCount ?? 0
            }
        }
        self.forgetLater(on: eventLoop)
    }

    /// How many answers are kept, and their bytes.
    var keptAnswers: (count: Int, bytes: Int) {
        self.state.withLock { state in
            (state.answers.count, state.answers.values.reduce(0) { $0 + ($1.byteCount ?? 0) })
        }
    }

    /// Answers that are not requested again are dropped.
    private func forgetLater(on eventLoop: any EventLoop) {
        eventLoop.scheduleTask(in: Self.lifetime) {
            let now = eventLoop.now
            self.state.withLock { state in
                state.answers = state.answers.filter { $0.value.isFresh(now: now) }
                if !(state.summaries?.isFresh(now: now) ?? false) {
                    state.summaries = nil
                }
            }
        }
    }
}
