import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

/// Records that were made elsewhere, applied in order.
@Suite("The projection of a scan")
struct ScanHomeTests {
    @Test("Subscribers see of records what they see of requests", arguments: 0..<6 as Range<UInt64>)
    func subscribers(block: UInt64) throws {
        for seed in (block * 100)..<(block * 100 + 100) {
            let failures = try RelaySchedule(seed: seed, source: .records).run()
            #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
        }
    }

    @Test("Log, answers, owner and lifecycle are what a small model says", arguments: 0..<30 as Range<UInt64>)
    func random(seed: UInt64) throws {
        let failures = try ProjectionSchedule(seed: seed).run()
        #expect(failures.isEmpty, "seed \(seed): \(failures.joined(separator: "\n"))")
    }

    @Test("A long record is applied over turns of the loop, and answers only when all of it is")
    func slices() throws {
        let schedule = try ProjectionSchedule(seed: 1)
        let key = IngestRequest.Idempotency(key: "k", digest: [1])
        let receipt = IngestReceipt(acceptedCount: 10_000, seqs: 1...10_000)
        schedule.records.handIn { record in
            record.messages = (0..<10_000).map { TestMessage.ordinary("a", "\"n\":\($0)") }
            record.at = TestMessage.time
            record.isHeard = true
            record.answer = LogRecord.Answer(request: key, receipt: receipt)
        }
        schedule.records.handIn { $0.owner = "u" }
        let scan = try #require(schedule.scan)
        #expect(scan.isApplying && scan.log.head < 10_000 && scan.owner == nil)
        #expect(scan.messageCount == Int(scan.log.head.rawValue))
        #expect(schedule.relay.idempotency.verdict(on: key, epoch: "one1", now: schedule.world.now) == .new)
        schedule.world.advanceThroughTimers(upTo: schedule.world.now + .seconds(1))
        #expect(!scan.isApplying && scan.log.head == 10_000 && scan.messageCount == 10_000 && scan.owner == "u")
        #expect(schedule.relay.idempotency.count == 1)
    }

    @Test("A scan that opens in the middle of its log says what came before is gone")
    func middle() throws {
        let schedule = try ProjectionSchedule(seed: 1)
        schedule.records.handIn { record in
            (record.prev, record.place, record.first, record.messageCount) = (90, 91, 501, 480)
            record.messages = [TestMessage.ordinary(), TestMessage.ordinary()]
            record.at = TestMessage.time
        }
        let scan = try #require(schedule.scan)
        #expect(scan.log.head == 502 && scan.messageCount == 482 && scan.standing.place == 91)
        let page = scan.log.page(after: 0, maximumCount: 10)
        #expect(page.entries.map(\.seq) == [501, 502] && page.missedCount == 500)
    }
}

/// One random schedule of records for one scan without subscribers, and a model of the result.
private final class ProjectionSchedule {
    let world: ScheduleWorld
    let relay: Relay
    let records: ScheduleRecords
    private let configuration: RelayConfiguration

    // The model of the life at hand.
    private var messages: [Message] = []
    private var owner: String?
    private var name: String?
    private var heardAt = NIODeadline.distantPast
    private var completedAt: NIODeadline?
    private var isStalled = false
    private var answers: [(epoch: String, answer: LogRecord.Answer)] = []
    private var isThere = false

    init(seed: UInt64) throws {
        let world = ScheduleWorld(seed: seed, loopCount: 1)
        var configuration = RelayConfiguration()
        configuration.history.messageCount = world.pick([3, 10, 1000])
        configuration.cleanupDelay = .seconds(30)
        configuration.stallAfter = .seconds(10)
        configuration.idleTimeout = .seconds(40)
        self.world = world
        self.configuration = configuration
        self.relay = Relay(
            eventLoops: world.loops,
            configuration: configuration,
            memory: CompressionMemory(limit: 0),
            logger: Logger(label: "projection") { _ in SwiftLogNoOpLogHandler() }
        )
        let id = try #require(ScanID("one"))
        self.records = ScheduleRecords(scanID: id, relay: self.relay, loop: world.loops[0], world: world)
        world.run()
        self.records.onRecord = { [unowned self] in self.follow($0, after: $1) }
    }

    deinit {
        self.world.shutDown()
    }

    var scan: ScanHome? {
        self.world.on(self.world.loops[0]) { self.records.home.live(self.records.scanID)?.scan }
    }

    func run() -> [String] {
        for _ in 0..<120 where self.world.failures.isEmpty {
            self.step()
            self.compare()
        }
        return self.world.failures
    }

    private func step() {
        switch self.world.number(0...9) {
        case 0...4:
            let messages = (0..<self.world.number(1...6)).map { _ in self.makeMessage() }
            let answer = self.world.chance(30) ? self.makeAnswer() : nil
            self.records.handIn { record in
                record.messages = messages
                record.at = TestMessage.time
                record.isHeard = true
                record.answer = answer
            }
        case 5:
            self.records.handIn { $0.isHeard = true }
        case 6:
            let (owner, name) = (self.world.pick(["u1", "u2"]), self.world.pick([nil, "n"]))
            self.records.handIn { ($0.owner, $0.name) = (owner, name) }
        case 7:
            let end = self.world.pick([ScanEnd.completed, .idle, .deleted])
            self.records.handIn { $0.end = end }
        default:
            self.pass(seconds: self.world.number(1...15))
        }
    }

    private func makeMessage() -> Message {
        switch self.world.number(0...9) {
        case 0...4: TestMessage.ordinary(self.world.pick(["a", "b"]))
        case 5...7: TestMessage.state("\(self.world.number(1...4))")
        case 8: TestMessage.critical()
        default: TestMessage.critical("scanCompleted", isTerminal: true)
        }
    }

    private func makeAnswer() -> LogRecord.Answer {
        LogRecord.Answer(
            request: IngestRequest.Idempotency(key: "k\(self.world.number(0...1_000_000))", digest: [7]),
            receipt: IngestReceipt(acceptedCount: 3, seqs: nil)
        )
    }

    private func follow(_ record: LogRecord, after standing: ScanStanding) {
        let now = self.world.now
        if !self.isThere {
            (self.messages, self.owner, self.name, self.completedAt) = ([], nil, nil, nil)
            (self.isThere, self.heardAt, self.isStalled) = (true, now, false)
        }
        for message in record.messages {
            self.messages.append(message)
            self.completedAt = message.isTerminal ? self.completedAt ?? now : nil
        }
        if record.isHeard {
            (self.heardAt, self.isStalled) = (now, false)
        }
        (self.owner, self.name) = (record.owner, record.name)
        if let answer = record.answer {
            self.answers.append((record.epoch, answer))
        }
        self.isThere = record.end == nil
    }

    /// A second at a time, so that the order is clear.
    private func pass(seconds: Int) {
        for _ in 0..<seconds {
            self.world.advance(by: .seconds(1))
            guard self.isThere else {
                continue
            }
            let now = self.world.now
            if let completedAt = self.completedAt {
                self.isThere = now < completedAt + .seconds(30)
            } else {
                self.isThere = now < self.heardAt + .seconds(40)
                self.isStalled = now >= self.heardAt + .seconds(10)
            }
        }
    }

    private func compare() {
        guard self.isThere else {
            self.expect(self.scan == nil, "a scan that is gone")
            return
        }
        guard let scan = self.scan else {
            return self.world.fail("no scan")
        }
        self.expect(scan.log.head == Seq(clamping: self.messages.count), "head \(scan.log.head)")
        self.expect(scan.messageCount == self.messages.count, "count \(scan.messageCount)")
        self.expect(scan.owner == self.owner && scan.name == self.name, "owner \(scan.owner ?? "none")")
        self.expect(scan.lifecycle.isCompleted == (self.completedAt != nil), "completed: \(self.completedAt == nil)")
        self.expect(scan.lifecycle.isStalled == self.isStalled, "stalled: \(!self.isStalled)")
        let kept = scan.log.page(after: 0, maximumCount: .max).entries
        let expected = self.expectedSeqs()
        self.expect(kept.map(\.seq) == expected, "kept \(kept.map(\.seq)) and not \(expected)")
        for entry in kept {
            let posted = self.messages[Seq(1).distance(to: entry.seq)]
            self.expect(entry.message.body == posted.body, "another message as \(entry.seq)")
        }
        for (epoch, answer) in self.answers.suffix(3) {
            let verdict = self.relay.idempotency.verdict(on: answer.request, epoch: epoch, now: self.world.now)
            if case .known(let receipt) = verdict {
                self.expect(receipt.acceptedCount == 3, "another answer")
            } else {
                self.world.fail("no answer to \(answer.request.key)")
            }
        }
    }

    /// The critical ones, the newest of each key, and the newest of the others.
    private func expectedSeqs() -> [Seq] {
        let count = self.configuration.history.messageCount
        var newest: [ConflationKey: Int] = [:]
        var ordinary: [Int] = []
        var kept: Set<Int> = []
        for (place, message) in self.messages.enumerated() {
            switch message.fate {
            case .critical: kept.insert(place)
            case .conflated: message.conflationKey.map { newest[$0] = place }
            case .ordinary: ordinary.append(place)
            }
        }
        kept.formUnion(ordinary.suffix(count))
        kept.formUnion(newest.values.sorted().suffix(count))
        return kept.sorted().map { Seq(clamping: $0 + 1) }
    }

    private func expect(_ isTrue: Bool, _ what: String) {
        if !isTrue {
            self.world.fail(what)
        }
    }
}
