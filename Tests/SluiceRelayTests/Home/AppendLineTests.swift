import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay

@Suite("What stands in line for a shared log")
final class AppendLineTests {
    /// What became of requests, by their names.
    private final class Told {
        var answers: [String: String] = [:]
    }

    private let author = ScanAuthor(answers: IdempotencyBook(maximumCount: 10), maximumSeq: .max)
    private let told = Told()
    private var line = AppendLine()
    private let scanID: ScanID
    private var situation = AppendLine.Situation(
        standing: ScanStanding(epoch: "e", place: 7, head: 3, messageCount: 3, owner: "u"),
        hasRoom: true,
        isHeardLately: false,
        now: .uptimeNanoseconds(1_000_000_000_000)
    )

    init() throws {
        self.scanID = try #require(ScanID("one"))
    }

    private func add(
        _ name: String,
        _ count: Int = 1,
        owner: String? = nil,
        key: String? = nil,
        stream: IngestStream? = nil,
        since: UInt64 = 0
    ) {
        var request = IngestRequest(
            scanID: self.scanID,
            messages: (0..<count).map { _ in TestMessage.ordinary() },
            at: TestMessage.time,
            owner: owner,
            idempotency: key.map { IngestRequest.Idempotency(key: $0, digest: []) }
        )
        request.stream = stream
        self.add(name, .ingest(request), since: since)
    }

    private func add(_ name: String, _ wish: AppendLine.Wish, since: UInt64 = 0) {
        let told = self.told
        self.line.add(
            AppendLine.Request(wish: wish, since: .uptimeNanoseconds(since)) { told.answers[name] = Self.text($0) }
        )
    }

    private func judge(bytes: Int = 1000, requests: Int = 10) -> [LogRecord] {
        self.line.judge(
            self.situation,
            author: self.author,
            capacity: AppendLine.Capacity(bytes: bytes, requests: requests) { max(1, $0.messages.count) * 100 }
        )
    }

    private func tell() -> [String: String] {
        self.told.answers = [:]
        for (request, answer) in self.line.takeJudged() {
            request.settle(answer)
        }
        return self.told.answers
    }

    private static func text(_ answer: AppendLine.Answer) -> String {
        switch answer {
        case .receipt(let receipt): receipt.seqs.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "none"
        case .registration(let registration): "\(registration.isNew) \(registration.owner ?? "none")"
        case .ended(let existed): "ended \(existed)"
        case .refused(let refusal): "\(refusal)"
        }
    }

    @Test("What waits goes into one record, each judged behind the one before")
    func together() {
        self.add("a", 2)
        self.add("b", owner: "v")
        self.add("c", 3)
        self.add("d", .register(owner: nil, name: "night", at: TestMessage.time))
        let records = self.judge()
        #expect(records.map(\.first) == [4, 6, 9] && records.map(\.prev) == [7, 7, 7])
        #expect(records.last?.name == "night" && records.last?.messageCount == 8)
        #expect(self.line.waiting.isEmpty && !self.line.isEmpty)
        #expect(self.tell() == ["a": "4-5", "b": "ownerConflict", "c": "6-8", "d": "false u"])
        #expect(self.line.isEmpty)
    }

    @Test("What was overtaken is judged again, before what came since, where the scan stands then")
    func overtaken() {
        self.situation.standing.owner = nil
        self.add("a", 2, owner: "v")
        #expect(self.judge().map(\.first) == [4])
        self.add("b", 1)
        self.line.judgeAgain()
        self.situation.standing = ScanStanding(epoch: "e", place: 9, head: 10, messageCount: 10, owner: "u")
        #expect(self.judge().map(\.first) == [11])
        #expect(self.tell() == ["a": "ownerConflict", "b": "11-11"])
    }

    @Test("A record holds so many bytes and requests; what is larger alone is refused")
    func capacity() {
        for name in ["a", "b", "c"] {
            self.add(name, 4)
        }
        self.add("d", 11)
        self.add("e", 1)
        #expect(self.judge().map(\.messages.count) == [4, 4])
        _ = self.tell()
        self.situation.standing.head = 11
        #expect(self.judge().map(\.messages.count) == [4, 1])
        #expect(self.tell() == ["c": "12-15", "d": "recordTooLarge", "e": "16-16"])
        for name in ["a", "b", "c"] {
            self.add(name, 1)
        }
        #expect(self.judge(requests: 2).count == 2)
        // The log itself may know better: then each goes alone, until one was taken.
        self.line.judgeAgain(isTooLarge: true)
        #expect(self.judge().count == 1)
        #expect(self.tell().count == 1)
        #expect(self.judge().count == 2)
    }

    @Test("A twin waits for the answer of the first")
    func twins() {
        self.add("a", 1, key: "k")
        self.add("b", 1)
        self.add("twin", 1, key: "k")
        self.add("c", 1)
        #expect(self.judge().count == 2)
        #expect(self.line.waiting.count == 2)
    }

    @Test("Once a post of a stream is refused none behind it is numbered")
    func streams() {
        let stream = IngestStream()
        self.add("a", 1, stream: stream)
        self.add("b", 11, stream: stream)
        self.add("c", 1, stream: stream)
        self.add("d", 1)
        #expect(self.judge().map(\.first) == [4, 5])
        #expect(self.tell() == ["a": "4-4", "b": "recordTooLarge", "c": "storageUnavailable", "d": "5-5"])
    }

    @Test("A sign of life is written only where the scanner was not heard of lately")
    func signsOfLife() {
        self.add("a", 0)
        self.add("b", 0)
        self.add("c", 0, owner: "u")
        #expect(self.judge().count == 1)
        #expect(self.tell() == ["a": "none", "b": "none", "c": "none"])
        self.situation.isHeardLately = true
        self.add("a", 0)
        self.add("b", 0, key: "k")
        #expect(self.judge().map { $0.answer?.request.key } == ["k"])
    }

    @Test("A scan that is not there is opened by messages, if there is room, and by nothing else")
    func opening() {
        self.situation.standing = ScanStanding(opening: "n")
        self.situation.standing.place = 12
        self.add("a", 0)
        self.add("end", .end(.deleted))
        #expect(self.judge().isEmpty)
        #expect(self.tell() == ["a": "none"])
        #expect(self.judge().isEmpty)
        #expect(self.tell() == ["end": "ended false"])
        self.situation.hasRoom = false
        self.add("a", 1)
        self.add("b", .register(owner: "u", name: nil, at: TestMessage.time))
        #expect(self.judge().isEmpty)
        #expect(self.tell() == ["a": "tooManyScans", "b": "tooManyScans"])
        self.situation.hasRoom = true
        self.add("a", .register(owner: "u", name: nil, at: TestMessage.time))
        self.add("b", .register(owner: "v", name: nil, at: TestMessage.time))
        #expect(self.judge().map(\.prev) == [12])
        #expect(self.tell() == ["a": "true u", "b": "ownerConflict"])
    }

    @Test("An end is a record of its own, and one that time asked for is written only if it still does")
    func ends() {
        self.add("idle", .end(.idle))
        self.add("a", 1)
        self.add("gone", .end(.deleted))
        self.add("b", 1)
        #expect(self.judge().map(\.end) == [nil])
        #expect(self.tell() == ["idle": "ended false", "a": "4-4"])
        #expect(self.judge().map(\.end) == [.deleted])
        #expect(self.tell() == ["gone": "ended true"])
        self.situation.due = .idle
        self.situation.standing.head = 4
        _ = self.judge()
        #expect(self.tell() == ["b": "5-5"])
        self.add("idle", .end(.idle))
        #expect(self.judge().map(\.end) == [.idle])
        _ = self.tell()
        // Of a scan that has ended only its history can be deleted.
        self.situation.ended = self.situation.standing
        self.situation.standing = ScanStanding(opening: "n")
        self.add("history", .end(.deleted))
        #expect(self.judge().map(\.epoch) == ["e"])
        #expect(self.tell() == ["history": "ended true"])
    }

    @Test("What has waited too long is handed out, but not what is under way")
    func overdue() {
        self.add("a", 1, since: 5)
        _ = self.judge()
        self.add("b", 1, since: 6)
        self.add("c", 1, since: 8)
        #expect(self.line.takeWaiting(since: .uptimeNanoseconds(7)).count == 1)
        #expect(self.line.waiting.count == 1 && self.line.judged.count == 1)
    }
}
