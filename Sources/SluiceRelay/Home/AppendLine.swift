import DequeModule
import NIOCore
import SluiceBase

/// What stands in line to be written to one scan of a shared log, and what of it is in the record under way.
///
/// One record at a time is under way; what comes meanwhile goes into the next, as much as a record holds. A judgement is
/// worth something only once its record counts: so whatever was judged behind something that is not confirmed waits for
/// that, and where another record came first all of it is judged again, in order. It knows no engine and no event loop.
struct AppendLine {
    /// What somebody wants to be done to the scan.
    enum Wish {
        case ingest(IngestRequest)
        case register(owner: String?, name: String?, at: WallTime)
        /// The scan's channel is to end; for `completed` and `idle` only if time still asks for it.
        case end(ScanEnd)
    }

    /// What became of it.
    enum Answer {
        case receipt(IngestReceipt)
        case registration(ScanRegistration)
        /// Whether there was anything to end.
        case ended(Bool)
        case refused(RelayRefusal)
    }

    /// A wish in line.
    struct Request {
        let wish: Wish
        /// When it came; the engine's time counts from here.
        let since: NIODeadline
        let settle: (Answer) -> Void

        /// Bytes that it holds while it waits.
        var byteCount: Int {
            guard case .ingest(let request) = self.wish else {
                return AppendLine.leastBytes
            }
            return AppendLine.byteCount(of: request)
        }

        /// Nothing more of the stream that it is of is taken.
        func breakOff() {
            self.stream?.breakOff()
        }

        /// The stream that it is of, if it is of one.
        var stream: IngestStream? {
            if case .ingest(let request) = self.wish { request.stream } else { nil }
        }
    }

    /// Where the scan stands, and what else a judgement depends on.
    struct Situation {
        /// Where the next record stands; it moves with each that is judged.
        var standing: ScanStanding
        /// Whether there may be another scan.
        var hasRoom: Bool
        /// What time asks for.
        var due: ScanEnd?
        /// The scan that ended at this place, if its history is still there.
        var ended: ScanStanding?
        /// Whether the scanner was heard of so lately that a mere sign of life need not be written.
        var isHeardLately: Bool
        let now: NIODeadline
    }

    /// How much one record holds.
    struct Capacity {
        var bytes: Int
        var requests: Int
        var byteCount: (LogRecord) -> Int
    }

    /// What a request without messages counts.
    private static let leastBytes = 512

    /// Bytes that a request holds while it waits.
    static func byteCount(of request: IngestRequest) -> Int {
        request.messages.reduce(self.leastBytes) { $0 + $1.byteCount }
    }

    private(set) var waiting: Deque<Request> = []
    /// What is judged and not settled yet, with the answer that it gets if the record counts.
    private(set) var judged: [(request: Request, answer: Answer)] = []
    /// After a record that was too large each request gets its own, until one is settled.
    private var isOneByOne = false

    /// Whether nothing waits and nothing is under way.
    var isEmpty: Bool { self.waiting.isEmpty && self.judged.isEmpty }

    mutating func add(_ request: Request) {
        self.waiting.append(request)
    }

    /// Judges what waits, as far as one record holds it; nothing may be under way.
    ///
    /// - Returns: The records that the draft is to have. Where there are none, what was judged is settled as it is.
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
            // A twin waits for the answer of the first, and an end for what comes before it.
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

    /// What was judged holds: it is handed out to be told.
    mutating func takeJudged() -> [(request: Request, answer: Answer)] {
        self.isOneByOne = false
        defer { self.judged = [] }
        return self.judged
    }

    /// Another record came first: everything is to be judged again, before what came since.
    ///
    /// - Parameter isTooLarge: Whether the record was refused for its size: each request then gets its own.
    mutating func judgeAgain(isTooLarge: Bool = false) {
        self.isOneByOne = self.isOneByOne || isTooLarge
        self.waiting.prepend(contentsOf: self.judged.map(\.request))
        self.judged = []
    }

    /// What has waited since before a time, without being under way, is handed out to be refused.
    mutating func takeWaiting(since limit: NIODeadline) -> [Request] {
        // Those of an overtaken record stand before younger ones, so the line is in the order of its times.
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
        // Where there is no scan and no room, there is none to judge at.
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
    /// Where the scan stands for what is judged behind a record that has no place yet.
    fileprivate mutating func advance(by record: LogRecord) {
        self.head = record.head
        self.messageCount = record.messageCount
        self.owner = record.owner
        self.name = record.name
        self.isNew = false
    }
}
