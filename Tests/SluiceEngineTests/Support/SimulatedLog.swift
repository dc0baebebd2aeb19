import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine
import TestSupport

/// A stream of one scan, of three servers, that does what a cluster may do to its clients at its worst: answers, copies
/// and requests are lost, late, doubled and out of order; servers that catch up give a beginning only; while the leader
/// changes nobody answers; and a write that should be refused is taken now and then.
final class SimulatedLog {
    struct Record {
        var sequence: UInt64
        var headers: MessageHeaders
        var body: ByteBuffer
    }

    /// How often each fault happens, of 1,000.
    struct Faults {
        var lost = 0
        var doubled = 0
        var stale = 0
        var doubleAcceptance = 0
        var failed = 0
        var slowPages = 0
        var slowest = 5
    }

    let loop = EmbeddedEventLoop()
    var generator: SplitMix64
    var faults: Faults
    /// Everything that was ever stored.
    private(set) var history: [Record] = []
    /// What is there.
    private(set) var records: [Record] = []
    private var leaderlessUntil = NIODeadline.uptimeNanoseconds(0)
    private var lastSequence: UInt64 = 0
    /// How often it was read.
    var requestCount = 0
    /// Bytes of the bodies that were given.
    var givenBytes = 0
    /// The most records that are kept; 0 for all.
    var capacity = 0
    var receivers: [(access: ObjectIdentifier, number: Int, receive: (LogMessage) -> Void)] = []
    var nextNumber = 0
    let bodyBytes: Int

    init(seed: UInt64, faults: Faults, bodyBytes: Int = 1 << 20) {
        self.generator = SplitMix64(seed: seed)
        self.faults = faults
        self.bodyBytes = bodyBytes
    }

    func happens(_ permille: Int) -> Bool {
        permille > 0 && Int.random(in: 0..<1000, using: &self.generator) < permille
    }

    var isLeaderless: Bool { self.loop.now < self.leaderlessUntil }

    func loseLeader(for time: TimeAmount) {
        self.leaderlessUntil = self.loop.now + time
    }

    /// In a while, unless it is lost.
    func later(mayBeLost: Bool = true, _ body: @escaping () -> Void) {
        guard !mayBeLost || !self.happens(self.faults.lost) else { return }
        let delay = Int64.random(in: 0...Int64(self.faults.slowest) * 1000, using: &self.generator)
        self.loop.scheduleTask(in: .microseconds(delay), body)
    }

    /// What is older than a record is evicted.
    func evict(before sequence: UInt64) {
        self.records.removeAll { $0.sequence < sequence }
    }

    /// Everything goes, and with `isAnew` the stream is made once more: its sequences begin elsewhere.
    ///
    /// Not where they were: streams of a million records do not meet each other's numbers.
    func empty(isAnew: Bool) {
        self.records = []
        if isAnew { self.lastSequence = UInt64.random(in: 0..<1 << 40, using: &self.generator) }
    }

    /// A record is lost from the midst of the others.
    func lose() {
        guard self.records.count > 2 else { return }
        self.records.remove(at: Int.random(in: 1..<self.records.count - 1, using: &self.generator))
    }

    func take(
        _ headers: MessageHeaders,
        _ body: ByteBuffer,
        expected: UInt64,
        from access: ObjectIdentifier,
        then: @escaping (AppendMachine.Answer) -> Void
    ) {
        guard !self.isLeaderless else {
            self.later { then(.unanswered) }
            return
        }
        guard !self.happens(self.faults.failed) else {
            self.later { then(.failed) }
            return
        }
        let previous = self.records.last?.sequence ?? 0
        guard previous == expected || self.happens(self.faults.doubleAcceptance) else {
            self.later { then(.refused) }
            return
        }
        self.store(headers, body)
        self.later { then(.stored) }
    }

    /// A record is there, whatever it says.
    func store(_ headers: MessageHeaders, _ body: ByteBuffer) {
        let previous = self.records.last?.sequence ?? 0
        // Other scans' records take sequences, too.
        self.lastSequence += UInt64.random(in: 1...3, using: &self.generator)
        let record = Record(sequence: self.lastSequence, headers: headers, body: body)
        self.records.append(record)
        self.history.append(record)
        if self.capacity > 0, self.records.count > self.capacity { self.records.removeFirst() }
        let copy = LogMessage(sequence: record.sequence, previous: previous, headers: headers, body: body)
        for receiver in self.receivers {
            let number = receiver.number
            for _ in 0..<(self.happens(self.faults.doubled) ? 2 : 1) {
                self.later { [weak self] in
                    self?.receivers.first { $0.number == number }?.receive(copy)
                }
            }
        }
    }

    /// What one server has: all, or a beginning.
    var replica: ArraySlice<Record> {
        guard self.happens(self.faults.stale) else {
            return self.records[...]
        }
        return self.records.prefix(Int.random(in: 0...self.records.count, using: &self.generator))
    }
}
