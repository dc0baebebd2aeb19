import NIOCore
import SluiceBase
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("What a request does to a scan")
struct ScanAuthorTests {
    @Test("Random requests are judged as a small model does", arguments: 0..<40 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var schedule = try AuthorSchedule(seed: seed)
        let failures = schedule.run()
        #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
    }

    @Test("What was overtaken is judged again behind the other record: its numbers move, or its key is known")
    func overtaken() throws {
        let book = IdempotencyBook(maximumCount: 10)
        let author = ScanAuthor(answers: book, maximumSeq: .max)
        let id = try #require(ScanID("one"))
        let now = NIODeadline.uptimeNanoseconds(1)
        let key = IngestRequest.Idempotency(key: "k", digest: [1])
        var standing = ScanStanding(epoch: "e", place: 17, head: 5, messageCount: 5)
        let request = IngestRequest(
            scanID: id,
            messages: [TestMessage.ordinary(), TestMessage.ordinary()],
            at: TestMessage.time,
            idempotency: key
        )
        for _ in 0..<2 {
            // Judging alone changes nothing.
            guard case .record(let record, let receipt) = author.judge(request, at: standing, now: now) else {
                Issue.record("no record")
                return
            }
            #expect(record.prev == 17 && record.first == 6 && record.head == 7 && record.messageCount == 7)
            #expect(receipt.seqs == 6...7 && record.answer?.receipt == receipt)
        }
        // Another gateway's record came first, then one that brought the same request.
        (standing.place, standing.head, standing.messageCount) = (30, 9, 9)
        guard case .record(let record, _) = author.judge(request, at: standing, now: now) else {
            Issue.record("no record")
            return
        }
        #expect(record.prev == 30 && record.first == 10)
        let answer = try #require(record.answer)
        book.remember(answer.request, answer.receipt, epoch: "e", now: now)
        guard case .known(let receipt) = author.judge(request, at: standing, now: now) else {
            Issue.record("not known")
            return
        }
        #expect(receipt.isReplayed && receipt.seqs == 10...11)
        // In another life of the log it is new.
        guard case .record(let first, _) = author.judge(request, at: ScanStanding(opening: "f"), now: now) else {
            Issue.record("no record")
            return
        }
        #expect(first.epoch == "f" && first.prev == 0 && first.first == 1)
    }
}

/// One random schedule of requests for one scan, and a model of their results.
private struct AuthorSchedule {
    private struct Known {
        var epoch: String
        var digest: UInt8
        var seqs: ClosedRange<Seq>?
        var at: NIODeadline
    }

    /// Few enough to run out of within a schedule.
    private static let maximumSeq: Seq = 60

    private let id: ScanID
    private let book = IdempotencyBook(maximumCount: 1000)
    private let author: ScanAuthor
    private var random: SplitMix64
    private var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private var failures: [String] = []

    // The model: a scan is its number of messages, and the facts set for it.
    private var epoch: String?
    private var count = 0
    private var place: UInt64 = 0
    private var owner: String?
    private var name: String?
    private var known: [String: Known] = [:]
    private var lives = 0

    init(seed: UInt64) throws {
        self.id = try #require(ScanID("one"))
        self.random = SplitMix64(seed: seed)
        self.author = ScanAuthor(answers: self.book, maximumSeq: Self.maximumSeq)
    }

    mutating func run() -> [String] {
        for _ in 0..<150 where self.failures.isEmpty {
            switch self.number(0...9) {
            case 0...5: self.post()
            case 6...7: self.register()
            case 8: self.now = self.now + .minutes(Int64(self.number(1...7)))
            default: self.end()
            }
        }
        return self.failures
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &self.random)
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.number(0...(elements.count - 1))]
    }

    /// Where the scan stands by the model; a new one's epoch is given from outside, and sometimes there is no room.
    private mutating func standing() -> ScanStanding? {
        guard let epoch = self.epoch else {
            self.lives += 1
            return self.number(0...4) == 0 ? nil : ScanStanding(opening: "e\(self.lives)")
        }
        return ScanStanding(
            epoch: epoch,
            place: self.place,
            head: Seq(clamping: self.count),
            messageCount: self.count,
            owner: self.owner,
            name: self.name
        )
    }

    private mutating func post() {
        var request = IngestRequest(
            scanID: self.id,
            messages: (0..<self.number(0...4)).map { _ in TestMessage.ordinary() },
            at: TestMessage.time,
            owner: self.pick([nil, nil, "u1", "u2"])
        )
        let digest = UInt8(self.number(1...2))
        if self.number(0...1) == 0 {
            request.idempotency = IngestRequest.Idempotency(key: self.pick(["a", "b", "c"]), digest: [digest])
        }
        let standing = self.standing()
        let known = request.idempotency.flatMap { self.known[$0.key] }
            .flatMap { $0.epoch == standing?.epoch && $0.at + .minutes(10) > self.now ? $0 : nil }
        let expected: String =
            if standing == nil {
                request.messages.isEmpty ? "known nil" : "tooManyScans"
            } else if let owner = request.owner, let has = self.owner, owner != has {
                "ownerConflict"
            } else if UInt64(self.count + request.messages.count) > Self.maximumSeq.rawValue {
                "noMoreNumbers"
            } else if let known {
                known.digest == digest ? "known \(Self.text(known.seqs))" : "idempotencyConflict"
            } else {
                "record \(self.count + 1) \(request.messages.count)"
            }
        switch self.author.judge(request, at: standing, now: self.now) {
        case .refused(let refusal):
            self.expect("\(refusal)", expected)
        case .known(let receipt):
            self.expect("known \(Self.text(receipt.seqs))", expected)
            self.expect(receipt.isReplayed, known != nil)
        case .record(let record, let receipt):
            self.expect("record \(record.first) \(record.messages.count)", expected)
            self.expect(record.epoch, standing?.epoch)
            self.expect(record.owner, self.owner ?? request.owner)
            self.expect(record.name, self.name)
            self.expect(receipt.acceptedCount, request.messages.count)
            self.expect(record.isHeard && record.end == nil && record.answer?.request == request.idempotency, true)
            // Sometimes another record comes in between: then this one is void.
            if self.number(0...4) > 0 {
                self.applied(record, digest: digest)
            }
        }
    }

    private mutating func register() {
        let (owner, name) = (self.pick([nil, "u1", "u2"]), self.pick([nil, "n1", "n2"]))
        let standing = self.standing()
        let isConflict = owner != nil && self.owner != nil && owner != self.owner
        switch self.author.register(owner: owner, name: name, at: TestMessage.time, standing) {
        case .failure(let refusal):
            self.expect(refusal, standing == nil ? .tooManyScans : .ownerConflict)
            self.expect(standing == nil || isConflict, true)
        case .success(let record):
            self.expect(isConflict, false)
            self.expect(record.owner, self.owner ?? owner)
            self.expect(record.name, name ?? self.name)
            self.expect(record.isHeard, self.epoch == nil)
            self.expect(record.messages.isEmpty && record.messageCount == self.count, true)
            self.applied(record, digest: 0)
        }
    }

    private mutating func end() {
        guard let epoch = self.epoch, let standing = self.standing() else {
            return
        }
        let record = self.author.end(.idle, standing)
        self.expect(record.end == .idle && record.messages.isEmpty && !record.isHeard, true)
        self.expect(record.epoch, epoch)
        self.expect(record.prev, self.place)
        (self.epoch, self.count, self.place, self.owner, self.name) = (nil, 0, 0, nil, nil)
    }

    private mutating func applied(_ record: LogRecord, digest: UInt8) {
        self.expect(record.prev, self.place)
        self.expect(record.place > record.prev, true)
        self.epoch = record.epoch
        self.count += record.messages.count
        self.expect(record.messageCount, self.count)
        self.place = record.place
        self.owner = record.owner
        self.name = record.name
        if let answer = record.answer {
            self.book.remember(answer.request, answer.receipt, epoch: record.epoch, now: self.now)
            self.known[answer.request.key] = Known(
                epoch: record.epoch,
                digest: digest,
                seqs: record.messages.isEmpty ? nil : record.first...Seq(clamping: self.count),
                at: self.now
            )
        }
    }

    private mutating func expect<Value: Equatable>(_ value: Value, _ expected: Value) {
        if value != expected {
            self.failures.append("\(value) and not \(expected)")
        }
    }

    private static func text(_ seqs: ClosedRange<Seq>?) -> String {
        seqs.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "nil"
    }
}
