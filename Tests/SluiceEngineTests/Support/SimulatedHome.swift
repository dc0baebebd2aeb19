import Logging
import NIOCore
import SluiceBase
import SluiceEngine
import SluiceRelay

/// What a home does with a log, in its smallest form: it judges requests where the scan stands, one draft at a time,
/// and shows what it is told.
final class SimulatedHome: ScanFollower {
    struct Request {
        var text: String
        /// Whether it names itself, so that it may be repeated.
        var hasKey: Bool
        var end: ScanEnd?
        var settled: (Result<Seq, RelayRefusal>) -> Void
    }

    /// Writes a draft.
    private let write: (RecordDraft, EventLoopPromise<AppendOutcome>) -> Void
    let eventLoop: any EventLoop
    let node: String
    private(set) var standing = ScanStanding(opening: "-")
    /// What the newest life of the log holds.
    private(set) var entries: [LogEntry] = []
    private var answers: [String: IngestReceipt] = [:]
    private var queue: [Request] = []
    private var isWriting = false
    private(set) var isOpen = false
    private(set) var openings = 0
    /// How often it was asked for all that it has.
    private(set) var imageCount = 0
    private var epochNumber = 0
    /// Why it cannot be followed any more.
    private(set) var failure: RelayRefusal?
    /// What it was told that no log may say.
    private(set) var faults: [String] = []

    init(
        node: String,
        eventLoop: any EventLoop,
        write: @escaping (RecordDraft, EventLoopPromise<AppendOutcome>) -> Void
    ) {
        self.node = node
        self.eventLoop = eventLoop
        self.write = write
    }

    func post(_ request: Request) {
        self.queue.append(request)
        self.writeNext()
    }

    // MARK: What the log says

    func opening(_ image: ScanImage?, place: UInt64) {
        self.openings += 1
        self.failure = nil
        self.isOpen = false
        self.standing = image?.standing ?? ScanStanding(epoch: "-", place: place, head: 0, messageCount: 0)
        self.standing.isNew = image == nil
        self.entries = image?.tail.entries ?? []
        self.answers = [:]
        for answer in image?.answers ?? [] {
            self.answers[answer.request.key] = answer.receipt
        }
        if let image, image.standing.place != place {
            self.faults.append("an image of another place")
        }
    }

    func opened(_ last: RecordHeader?) {
        self.isOpen = true
        if let last, last.place != self.standing.place {
            self.faults.append("opened at \(last.place), told up to \(self.standing.place)")
        }
        self.writeNext()
    }

    func notOpened(_ refusal: RelayRefusal) {
        let queue = self.queue
        self.queue = []
        for request in queue { request.settled(.failure(.storageUnavailable)) }
    }

    func failed(_ refusal: RelayRefusal) {
        self.failure = refusal
        self.isOpen = false
        self.notOpened(refusal)
    }

    func apply(_ records: [LogRecord]) {
        for record in records {
            if record.prev != self.standing.place {
                self.faults.append("a record behind \(record.prev) at \(self.standing.place)")
            }
            if record.epoch != self.standing.epoch || self.standing.isNew {
                self.entries = []
                self.answers = [:]
                self.standing.epoch = record.epoch
                self.standing.head = record.first.previous
                self.standing.isNew = false
            }
            if record.first != self.standing.head.next {
                self.faults.append("number \(record.first) behind \(self.standing.head)")
            }
            for (index, message) in record.messages.enumerated() {
                let seq = record.first.advanced(by: index)
                self.entries.append(LogEntry(seq: seq, at: record.at ?? WallTime(milliseconds: 0), message: message))
            }
            record.answer.map { self.answers[$0.request.key] = $0.receipt }
            self.standing.head = record.head
            self.standing.messageCount = record.messageCount
            self.standing.place = record.place
            self.standing.owner = record.owner
            if record.end != nil {
                self.entries = []
                self.answers = [:]
                self.standing = ScanStanding(epoch: "-", place: record.place, head: 0, messageCount: 0)
                self.standing.isNew = true
            }
        }
    }

    func lost(through seq: Seq) {}

    func image() -> ScanImage? {
        self.imageCount += 1
        return ScanImage(
            standing: self.standing,
            tail: StoredTail(entries: self.entries, evictedThrough: 0, counts: ["finding": self.entries.count]),
            fold: ScanFold(),
            answers: self.answers.sorted { $0.key < $1.key }
                .map {
                    StoredAnswer(
                        request: IngestRequest.Idempotency(key: $0.key, digest: [1]),
                        receipt: $0.value,
                        age: .zero
                    )
                },
            times: Self.times
        )
    }

    // MARK: What is asked of it

    private func writeNext() {
        guard self.isOpen, !self.isWriting, !self.queue.isEmpty else { return }
        var standing = self.standing
        if standing.isNew {
            self.epochNumber += 1
            standing.epoch = "\(self.node)e\(self.epochNumber)"
        }
        var taken: [(Request, Seq)] = []
        var records: [LogRecord] = []
        while let request = self.queue.first, records.count < 5, records.last?.end == nil {
            self.queue.removeFirst()
            if request.hasKey, let known = self.answers[request.text] ?? Self.known(records, request.text) {
                request.settled(.success(known.seqs?.lowerBound ?? 0))
                continue
            }
            if let end = request.end {
                guard !standing.isNew else {
                    request.settled(.success(0))
                    continue
                }
                records.append(self.record(at: standing, nil, end))
                taken.append((request, 0))
                continue
            }
            let record = self.record(at: standing, request, nil)
            standing.head = record.head
            standing.messageCount = record.messageCount
            standing.isNew = false
            records.append(record)
            taken.append((request, record.first))
        }
        guard !records.isEmpty else { return }
        self.isWriting = true
        self.append(records, taken)
    }

    private func append(_ records: [LogRecord], _ taken: [(Request, Seq)]) {
        let promise = self.eventLoop.makePromise(of: AppendOutcome.self)
        promise.futureResult.assumeIsolated()
            .whenSuccess { outcome in
                self.isWriting = false
                switch outcome {
                case .confirmed:
                    for (request, seq) in taken { request.settled(.success(seq)) }
                case .overtaken:
                    self.queue = taken.map(\.0) + self.queue
                case .unavailable, .tooLarge:
                    for (request, _) in taken { request.settled(.failure(.storageUnavailable)) }
                }
                self.writeNext()
            }
        let draft = RecordDraft(
            records: records,
            times: Self.times,
            fold: ScanFold(),
            since: self.eventLoop.now
        )
        self.write(draft, promise)
    }

    private func record(at standing: ScanStanding, _ request: Request?, _ end: ScanEnd?) -> LogRecord {
        var record = LogRecord(after: standing, place: 0)
        record.at = WallTime(milliseconds: 1)
        record.end = end
        guard let request else { return record }
        record.messages = [Self.message(request.text)]
        record.messageCount += 1
        record.isHeard = true
        if request.hasKey {
            record.answer = LogRecord.Answer(
                request: IngestRequest.Idempotency(key: request.text, digest: [1]),
                receipt: IngestReceipt(acceptedCount: 1, seqs: record.first...record.first)
            )
        }
        return record
    }

    private static func known(_ records: [LogRecord], _ key: String) -> IngestReceipt? {
        records.lazy.compactMap(\.answer).first { $0.request.key == key }?.receipt
    }

    static let times = ScanTimes(created: WallTime(milliseconds: 1), heard: WallTime(milliseconds: 1))

    static func message(_ text: String) -> Message {
        let body = ByteBuffer(string: text)
        guard let message = Message(stored: body, type: "finding", marks: 0, key: nil, severity: nil) else {
            preconditionFailure("a message of a test is one")
        }
        return message
    }
}
