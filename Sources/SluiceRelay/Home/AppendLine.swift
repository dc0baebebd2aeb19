import DequeModule
import NIOCore
import SluiceBase

/// The queue of requests for one scan of a shared log, and those of them that are in the record under way.
///
/// One record at a time is under way; requests that arrive meanwhile go into the next one, as many as a record holds. A
/// judgement holds only once its record counts, so an answer that builds on an unconfirmed record waits for it, and
/// where another record came first everything is judged again, in order. It knows no engine and no event loop.
struct AppendLine {
    /// A change that is wanted of the scan.
    enum Wish {
        case ingest(IngestRequest)
        case register(owner: String?, name: String?, at: WallTime)
        /// The scan's channel is to end; `completed` and `idle` apply only if the scan is still due for them.
        case end(ScanEnd)
    }

    /// The outcome of a wish.
    enum Answer {
        case receipt(IngestReceipt)
        case registration(ScanRegistration)
        /// Whether there was anything to end.
        case ended(Bool)
        case refused(RelayRefusal)
    }

    /// A wish in the queue.
    struct Request {
        let wish: Wish
        /// When it arrived; ``ScanEngine/appendTimeout`` counts from here.
        let since: NIODeadline
        let settle: (Answer) -> Void

        /// The bytes that it holds while it waits.
        var byteCount: Int {
            guard case .ingest(let request) = self.wish else {
                return AppendLine.leastBytes
            }
            return AppendLine.byteCount(of: request)
        }

        /// Takes nothing more from the stream that the request belongs to.
        func breakOff() {
            self.stream?.breakOff()
        }

        /// The stream that the request belongs to, if any.
        var stream: IngestStream? {
            if case .ingest(let request) = self.wish { request.stream } else { nil }
        }
    }

    /// Where the scan stands, and whatever else a judgement depends on.
    struct Situation {
        /// The place of the next record; moves with each record that is judged.
        var standing: ScanStanding
        /// Whether the gateway may hold another scan.
        var hasRoom: Bool
        /// The end that the scan's lifecycle is due for.
        var due: ScanEnd?
        /// The life that ended at this place, while its history exists.
        var ended: ScanStanding?
        /// Whether the scanner was heard from so recently that a mere sign of life need not be written.
        var isHeardLately: Bool
        let now: NIODeadline
    }

    /// The limits of one record.
    struct Capacity {
        var bytes: Int
        var requests: Int
        var byteCount: (LogRecord) -> Int
    }

    /// The bytes that a request counts in addition to its messages.
    private static let leastBytes = 512

    static func byteCount(of request: IngestRequest) -> Int {
        request.messages.reduce(self.leastBytes) { $0 + $1.byteCount }
    }

    private(set) var waiting: Deque<Request> = []
    /// Requests that are judged and not settled, with the answers they get if the record counts.
    private(set) var judged: [(request: Request, answer: Answer)] = []
    /// After a record that was too large each request gets its own, until one is settled.
    private var isOneByOne = false

    var isEmpty: Bool { self.waiting.isEmpty && self.judged.isEmpty }

    mutating func add(_ request: Request) {
        self.waiting.append(request)
    }

    /// Judges queued requests, as many as one record holds; none may be under way.
    ///
    /// - Returns: The records of the draft. If there are none, the judged requests are settled as they are.
    mutating func judge(_ situation: Situation, author: ScanAuthor, capacity: Capacity) -> [LogRecord] {
        precondition(self.judged.isEmpty, "one record at a time")
        var situation = situation
        var records: [LogRecord] = []
        var bytes = 0
        var keys: Set<String> = []
        // Once a post of a stream is refused none behind it is taken, whether the refusal holds or is judged again.
        var broken: Set<ObjectIdentifier> = []
        while let next = self.waiting.first, self.judged.count < (self.isOneByOne ? 1 : capacity.requests) {
            let key: String? = if case .ingest(let request) = next.wish { request.idempotency?.key } else { nil }
            let isAlone = if case .end = next.wish { true } else { false }
            // A request with the same key waits for the first one's answer, and an end for everything before it.
            guard !(isAlone && !self.judged.isEmpty), key.map({ !keys.contains($0) }) ?? true else {
                break
            }
            let stream = next.stream.map { ObjectIdentifier($0) }
            let isBroken = stream.map { broken.contains($0) } ?? false
            var (record, answer) = Self.judge(next.wish, at: situation, author: author)
            if isBroken {
                (record, answer) = (nil, .refused(.storageUnavailable))
            }
            if let made = record {
                let size = capacity.byteCount(made)
                if size > capacity.bytes {
                    (record, answer) = (nil, .refused(.recordTooLarge))
                } else if bytes + size > capacity.bytes {
                    break
                } else {
                    bytes += size
                }
            }
            self.waiting.removeFirst()
            self.judged.append((next, answer))
            if let record {
                records.append(record)
                situation.standing.advance(by: record)
                situation.ended = nil
                situation.isHeardLately = situation.isHeardLately || record.isHeard
                if let key {
                    keys.insert(key)
                }
            }
            if case .refused = answer, let stream {
                broken.insert(stream)
            }
            if isAlone, record != nil {
                break
            }
        }
        return records
    }

    /// Takes out the judged requests, whose answers now hold.
    mutating func takeJudged() -> [(request: Request, answer: Answer)] {
        self.isOneByOne = false
        defer { self.judged = [] }
        return self.judged
    }

    /// Puts the judged requests back at the front of the queue, since another record came first.
    ///
    /// - Parameter isTooLarge: Whether the record was refused for its size; each request then gets its own.
    mutating func judgeAgain(isTooLarge: Bool = false) {
        self.isOneByOne = self.isOneByOne || isTooLarge
        self.waiting.prepend(contentsOf: self.judged.map(\.request))
        self.judged = []
    }

    /// Takes out the queued requests that arrived at or before `limit` and are not under way.
    mutating func takeWaiting(since limit: NIODeadline) -> [Request] {
        // Requests of an overtaken record return to the front, so the queue stays in order of arrival.
        var taken: [Request] = []
        while let first = self.waiting.first, first.since <= limit {
            taken.append(self.waiting.removeFirst())
        }
        return taken
    }

    private static func judge(
        _ wish: Wish,
        at situation: Situation,
        author: ScanAuthor
    ) -> (record: LogRecord?, answer: Answer) {
        let standing = situation.standing
        // Without a scan and without room for one, there is nothing to judge at.
        let place = standing.isNew && !situation.hasRoom ? nil : standing
        switch wish {
        case .ingest(let request):
            if request.stream?.isBroken ?? false {
                return (nil, .refused(.storageUnavailable))
            }
            let opens = ScanAuthor.opens(request)
            switch author.judge(request, at: standing.isNew && !opens ? nil : place, now: situation.now) {
            case .refused(let refusal):
                return (nil, .refused(refusal))
            case .known(let receipt):
                return (nil, .receipt(receipt))
            case .record(let record, let receipt):
                let saysNothing = !opens && record.answer == nil && record.owner == standing.owner
                return (saysNothing && situation.isHeardLately ? nil : record, .receipt(receipt))
            }
        case .register(let owner, let name, let at):
            switch author.register(owner: owner, name: name, at: at, place) {
            case .failure(let refusal):
                return (nil, .refused(refusal))
            case .success(let record):
                let registration = ScanRegistration(isNew: standing.isNew, owner: record.owner, name: record.name)
                let saysNothing =
                    !standing.isNew && record.owner == standing.owner && record.name == standing.name
                return (saysNothing ? nil : record, .registration(registration))
            }
        case .end(.deleted):
            guard let standing = standing.isNew ? situation.ended : standing else {
                return (nil, .ended(false))
            }
            return (author.end(.deleted, standing), .ended(true))
        case .end(let end):
            guard !standing.isNew, situation.due == end else {
                return (nil, .ended(false))
            }
            return (author.end(end, standing), .ended(true))
        }
    }
}

extension ScanStanding {
    /// Moves past a record that has no place yet, so that the next request is judged behind it.
    fileprivate mutating func advance(by record: LogRecord) {
        self.head = record.head
        self.messageCount = record.messageCount
        self.owner = record.owner
        self.name = record.name
        self.isNew = false
    }
}
