import Logging
import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine
import SluiceRelay
import TestSupport

/// One run of three nodes over a simulated log: what they do, and what is found at its end.
class Schedule {
    /// One node: its way to the log, its feed, its home.
    final class Node {
        let access: SimulatedAccess
        var feed: ScanFeed
        let home: SimulatedHome
        let counts: FeedCounts

        init(access: SimulatedAccess, feed: ScanFeed, home: SimulatedHome, counts: FeedCounts) {
            self.access = access
            self.feed = feed
            self.home = home
            self.counts = counts
        }
    }

    let log: SimulatedLog
    var nodes: [Node] = []
    var generator: SplitMix64
    private(set) var posted = 0
    /// What was sent under a key.
    private(set) var keyed: Set<String> = []
    private(set) var acknowledged: [String: Set<UInt64>] = [:]
    var hasEnds: Bool
    private var isEvicting: Bool
    private(set) var failures = 0
    var voids: Int { self.nodes.reduce(0) { $0 + $1.counts.voidRecords } }
    var carries: Int { self.nodes.reduce(0) { $0 + $1.counts.carries } }

    init(seed: UInt64) {
        var generator = SplitMix64(seed: seed ^ 0x5EED)
        var faults = SimulatedLog.Faults()
        if seed % 4 != 0 {
            faults.lost = [0, 20, 100, 250].randomElement(using: &generator) ?? 0
            faults.doubled = [0, 50, 200].randomElement(using: &generator) ?? 0
            faults.stale = [0, 100, 400].randomElement(using: &generator) ?? 0
            faults.doubleAcceptance = [0, 0, 20, 300].randomElement(using: &generator) ?? 0
            faults.failed = [0, 0, 50].randomElement(using: &generator) ?? 0
            faults.slowPages = [0, 300].randomElement(using: &generator) ?? 0
            faults.slowest = [2, 20, 600].randomElement(using: &generator) ?? 2
        }
        self.hasEnds = seed % 3 == 0
        self.isEvicting = seed % 5 == 0
        self.log = SimulatedLog(seed: seed, faults: faults, bodyBytes: 700)
        self.generator = generator
        for index in 0..<3 {
            self.nodes.append(self.makeNode("n\(index)-"))
        }
    }

    private func makeNode(_ name: String) -> Node {
        let access = SimulatedAccess(self.log)
        let counts = FeedCounts()
        weak var node: Node?
        let home = SimulatedHome(node: name, eventLoop: self.log.loop) {
            guard let node else { preconditionFailure("a node outlives its home") }
            node.feed.append($0, $1)
        }
        let made = Node(access: access, feed: self.makeFeed(name, access, home, counts), home: home, counts: counts)
        node = made
        return made
    }

    private func makeFeed(
        _ name: String,
        _ access: SimulatedAccess,
        _ home: SimulatedHome,
        _ counts: FeedCounts
    ) -> ScanFeed {
        var terms = ScanFeed.Terms(node: name, appendTimeout: .seconds(10)) { WallTime(milliseconds: 1) }
        terms.leastCarryBytes = 900
        guard let id = ScanID("scan") else { preconditionFailure("a scan's name") }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let loop = self.log.loop
        return ScanFeed(
            id,
            log: access,
            follower: home,
            eventLoop: loop,
            terms: terms,
            counts: counts,
            logger: logger
        )
    }

    func run() {
        for node in self.nodes { node.feed.start() }
        for _ in 0..<Int.random(in: 10...60, using: &self.generator) {
            self.step()
            let time = ([0, 1, 3, 30, 500] as [Int64]).randomElement(using: &self.generator) ?? 1
            self.log.loop.advanceTime(by: .milliseconds(time))
        }
        // Everything works again, and time passes.
        self.log.faults = SimulatedLog.Faults()
        for node in self.nodes { node.access.isCutOff = false }
        self.rest()
    }

    func rest() {
        for _ in 0..<140 {
            self.log.loop.advanceTime(by: .milliseconds(500))
        }
    }

    func step() {
        guard let node = self.nodes.randomElement(using: &self.generator) else { return }
        switch Int.random(in: 0..<100, using: &self.generator) {
        case 0..<3:
            self.log.loseLeader(for: .milliseconds(Int64.random(in: 1...12_000, using: &self.generator)))
        case 3..<6:
            node.access.isCutOff.toggle()
        case 6..<8 where self.hasEnds:
            let end: ScanEnd = .idle
            node.home.post(SimulatedHome.Request(text: "", hasKey: false, end: end) { _ in })
        case 8..<10:
            self.restart(node)
        case 10..<16 where self.isEvicting:
            self.evict()
        default:
            for _ in 0..<Int.random(in: 1...4, using: &self.generator) { self.post(to: node) }
        }
    }

    /// The scan is closed and opened again on a node.
    func restart(_ node: Node) {
        guard let name = self.nodes.firstIndex(where: { $0 === node }).map({ "n\($0)-" }) else { return }
        node.feed.end()
        node.feed = self.makeFeed(name, node.access, node.home, node.counts)
        node.feed.start()
    }

    /// What stands before the base of the newest record goes.
    private func evict() {
        if let node = self.nodes.randomElement(using: &self.generator) {
            // One of the nodes is to repeat what goes next time.
            node.access.oldBefore = self.log.records.last?.sequence ?? 0
            node.feed.repeatOld()
        }
        guard let last = self.log.records.last, let head = try? RecordHead(last.headers, at: last.sequence),
            head.base > 0
        else { return }
        self.log.evict(before: head.base)
    }

    func post(to node: Node) {
        self.posted += 1
        let hasKey = Bool.random(using: &self.generator)
        self.send("p\(self.posted)x\(String(repeating: "y", count: 40))", hasKey: hasKey, to: node, attempts: 5)
    }

    private func send(_ text: String, hasKey: Bool, to node: Node, attempts: Int) {
        if hasKey { self.keyed.insert(text) }
        node.home.post(
            SimulatedHome.Request(text: text, hasKey: hasKey) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success(let seq):
                    self.acknowledged[text, default: []].insert(seq.rawValue)
                case .failure:
                    self.failures += 1
                    // A producer with a key repeats, elsewhere.
                    guard hasKey, attempts > 0, let other = self.nodes.randomElement(using: &self.generator) else {
                        return
                    }
                    self.log.loop.scheduleTask(in: .milliseconds(100)) {
                        self.send(text, hasKey: true, to: other, attempts: attempts - 1)
                    }
                }
            }
        )
    }

    /// What the log holds, by its rule alone: each life's messages.
    private var truth: [(epoch: String, texts: [String])] {
        var last: UInt64 = 0
        var lives: [(epoch: String, texts: [String])] = []
        for record in self.log.history {
            guard let head = try? RecordHead(record.headers, at: record.sequence), head.prev == last else { continue }
            last = record.sequence
            if case .carry = head.kind { continue }
            if lives.last?.epoch != head.epoch { lives.append((head.epoch, [])) }
            for made in RecordForm.records(record.body, head, at: record.sequence) ?? [] {
                lives[lives.count - 1].texts += made.messages.map { String(buffer: $0.body) }
            }
            if head.end != nil { lives.append(("-", [])) }
        }
        return lives
    }

    func check() -> [String] {
        var found: [String] = []
        let lives = self.truth
        let all = lives.flatMap(\.texts)
        if Set(all).count != all.count, !self.hasEnds { found.append("a message stands twice") }
        for (text, seqs) in self.acknowledged where !text.isEmpty {
            let places = lives.flatMap { life in
                life.texts.enumerated().filter { $0.element == text }.map { UInt64($0.offset + 1) }
            }
            if places.isEmpty { found.append("\(text) was acknowledged and is not there") }
            if !seqs.isSubset(of: Set(places)) { found.append("\(text) has \(places), told \(seqs)") }
        }
        for (index, node) in self.nodes.enumerated() {
            let texts = node.home.entries.map { String(buffer: $0.message.body) }
            if texts != lives.last?.texts ?? [] {
                found.append("node \(index) shows \(texts.count) of \(lives.last?.texts.count ?? 0)")
            }
            let seqs = node.home.entries.map(\.seq.rawValue)
            if seqs != Array(1..<UInt64(seqs.count + 1)) { found.append("node \(index): numbers \(seqs)") }
            if !node.home.isOpen { found.append("node \(index) is not open") }
            found += node.home.faults.map { "node \(index): \($0)" }
        }
        return found
    }
}
