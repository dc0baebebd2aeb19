import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine
import SluiceRelay
import TestSupport

/// One run in which the log itself loses what it had: retention takes its beginning, wherever that is, a purge all of
/// it, a disk some of its midst; and records stand there that no gateway wrote.
final class LossSchedule: Schedule {
    /// What is done to the log.
    enum Harm: CaseIterable {
        case evict
        case roll
        case empty
        case remake
        case lose
        case hostile
        case all
    }

    private let harm: Harm
    /// Messages that were sent after the log was harmed last.
    private var sinceHarm: Set<String> = []
    private(set) var harms = 0
    private(set) var damagedCount = 0
    private(set) var restingRequests = 0

    init(seed: UInt64, _ harm: Harm) {
        self.harm = harm
        super.init(seed: seed)
        // What was taken by mistake is another schedule's.
        self.log.faults.doubleAcceptance = 0
        self.hasEnds = self.hasEnds && harm != .hostile
        self.log.capacity = harm == .roll ? 6 : 0
    }

    override func step() {
        guard self.harm != .roll, Int.random(in: 0..<10, using: &self.generator) == 0 else {
            let before = self.posted
            super.step()
            for number in before..<self.posted { self.sinceHarm.insert("p\(number + 1)x") }
            return
        }
        self.harms += 1
        self.sinceHarm = []
        switch self.harm == .all ? Harm.allCases.randomElement(using: &self.generator) ?? .empty : self.harm {
        case .evict, .roll, .all:
            guard let last = self.log.records.last?.sequence else { return }
            self.log.evict(before: UInt64.random(in: 1...last, using: &self.generator))
        case .empty: self.log.empty(isAnew: false)
        case .remake:
            self.log.empty(isAnew: true)
            for node in self.nodes { node.access.oldBefore = 0 }
        case .lose: self.log.lose()
        case .hostile: self.inject()
        }
    }

    /// A record that is none, or that counts and says what cannot be.
    private func inject() {
        guard let last = self.log.records.last, let head = try? RecordHead(last.headers, at: last.sequence) else {
            return
        }
        var made = head
        made.kind = .messages
        made.prev = last.sequence
        made.first = head.head.next
        made.count = 0
        made.id = "hostile"
        made.base = 0
        var headers = made.headers
        let standing = ScanStanding(epoch: "e", place: 0, head: 0, messageCount: 0)
        var body = RecordForm.bytes([LogRecord(after: standing, place: 0)])
        let words = (headers["Sl"] ?? "").split(separator: " ").map(String.init)
        func replace(_ index: Int, _ word: String) {
            var words = words
            words[index] = word
            headers["Sl"] = words.joined(separator: " ")
        }
        switch Int.random(in: 0..<12, using: &self.generator) {
        case 0: headers["Sl"] = "nothing of ours"
        case 1: replace(3, String(UInt64.max))
        case 2: replace(9, String(Int64.min))
        case 3: replace(10, String(Int64.min))
        case 4: replace(6, String(Int.max))
        case 5: replace(8, String(UInt64.max))
        case 6: replace(2, "other")
        case 7: replace(4, "77")
        case 8: replace(3, String(last.sequence + 1_000))
        case 9: body.setInteger(Int64.min, at: body.readerIndex + 4)
        case 10: body = ByteBuffer(string: "none")
        default:
            made.kind = .carry(RecordHead.Part(index: 1, count: 1))
            headers = made.headers
        }
        self.log.store(headers, body)
    }

    override func run() {
        super.run()
        // Time alone asks for little.
        let before = self.log.requestCount
        self.rest()
        self.restingRequests = self.log.requestCount - before
        self.damagedCount = self.nodes.count { $0.home.failure != nil }
        guard self.damagedCount > 0 else { return }
        // Somebody erases the scan, and it is opened anew.
        self.sinceHarm = []
        self.log.empty(isAnew: false)
        for node in self.nodes { self.restart(node) }
        self.rest()
    }

    override func check() -> [String] {
        var found: [String] = []
        for (index, node) in self.nodes.enumerated() {
            node.home.post(
                SimulatedHome.Request(text: "last\(index)", hasKey: false, end: nil) { [unowned self] result in
                    self.lastSeqs[index] = try? result.get()
                }
            )
        }
        self.rest()
        if self.restingRequests > 400 { found.append("\(self.restingRequests) requests at rest") }
        if self.damagedCount > 0, self.harm != .hostile, self.harm != .all { found.append("damaged") }
        let first = self.nodes[0].home
        for (index, node) in self.nodes.enumerated() {
            let home = node.home
            if home.standing != first.standing { found.append("node \(index) stands elsewhere") }
            let seqs = home.entries.map(\.seq)
            let isRun = zip(seqs, seqs.dropFirst()).allSatisfy { $0.next == $1 }
            if !home.isOpen || home.failure != nil || !isRun { found.append("node \(index) is not open") }
            if self.harm != .hostile, self.harm != .all { found += home.faults.map { "node \(index): \($0)" } }
            let texts = home.entries.map { String(buffer: $0.message.body) }
            // Where a carry is gone, so are the answers that it repeated.
            let isWhole = self.harm == .empty || self.harm == .remake || self.harm == .hostile
            // Without a key, what was overtaken in a log that is emptied then may come late into the next one.
            let named = texts.filter { self.keyed.contains($0) }
            if Set(named).count != named.count, !self.hasEnds, isWhole {
                found.append("a message stands twice on \(index)")
            }
            for writer in self.nodes.indices {
                let place = texts.firstIndex(of: "last\(writer)").map { seqs[$0] }
                if place == nil || place != self.lastSeqs[writer] {
                    found.append("node \(index): last\(writer) at \(place ?? 0)")
                }
            }
            guard !self.hasEnds, self.harm != .roll else { continue }
            for (text, told) in self.acknowledged where self.sinceHarm.contains(text.prefix { $0 != "y" }.description) {
                let places = zip(texts, seqs).filter { $0.0 == text }.map(\.1.rawValue)
                if !told.isSubset(of: Set(places)) { found.append("node \(index): \(text) at \(places), told \(told)") }
            }
        }
        return found
    }

    private var lastSeqs: [Int: Seq] = [:]
}
