package import Logging
package import NIOCore
package import SluiceBase
package import SluiceRelay

/// One scan's log as one node follows it: the driver of ``ScanMachine``.
///
/// Loop-confined. It asks the log for what the machine wants, gives the machine what comes, and tells the follower of
/// what counts.
package final class ScanFeed {
    /// What a node's feeds have in common.
    package struct Terms: Sendable {
        /// Names the node's records, unlike all others'.
        package var node: String
        package var appendTimeout: TimeAmount
        package var wallClock: @Sendable () -> WallTime
        /// Records of fewer bytes since the last carry ask for none.
        package var leastCarryBytes = CarryLedger.leastBytes

        package init(node: String, appendTimeout: TimeAmount, wallClock: @escaping @Sendable () -> WallTime) {
            self.node = node
            self.appendTimeout = appendTimeout
            self.wallClock = wallClock
        }
    }

    /// A record that is being written: requests' or a part of a carry.
    enum Writing {
        case draft(RecordDraft, EngineAppend)
        case part(CarryWriting, index: Int)
    }

    /// A record that is being written, with its bytes.
    struct Current {
        var writing: Writing
        var id: String
        var head: RecordHead
        var body: ByteBuffer
        var begunAt: NIODeadline
        /// Whether a scan begins with it.
        var isFirst = false
    }

    /// The most copies that are kept while the log is read; beyond it they are read instead.
    private static let keptCopies = 1024

    package let id: ScanID
    let log: any LogAccess
    let eventLoop: any EventLoop
    let follower: any ScanFollower
    let terms: Terms
    let counts: FeedCounts
    let logger: Logger
    var machine: ScanMachine
    var ledger: CarryLedger
    /// The newest record that counts.
    private(set) var newest: (sequence: UInt64, head: RecordHead)?
    var marks = LogMarks()
    private var opening: LogOpening?
    private var copies: [LogMessage] = []
    private var subscription: Int?
    var current: Current?
    /// What waits for the scan to be open, or for a part of a carry.
    var waiting: (draft: RecordDraft, append: EngineAppend)?
    var carry: CarryWriting?
    /// Whether a draft of this node counted since its last carry: those who only read write none.
    var hasWritten = false
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    /// When a record of another node counted last.
    private var foreignAt: NIODeadline?
    private(set) var isEnded = false

    package init(
        _ id: ScanID,
        log: any LogAccess,
        follower: any ScanFollower,
        eventLoop: any EventLoop,
        terms: Terms,
        counts: FeedCounts,
        logger: Logger
    ) {
        self.id = id
        self.log = log
        self.follower = follower
        self.eventLoop = eventLoop
        self.terms = terms
        self.counts = counts
        self.logger = logger
        self.machine = ScanMachine(patience: terms.appendTimeout)
        self.ledger = CarryLedger(leastBytes: terms.leastCarryBytes)
    }

    /// Begins to follow; the follower is told in later tasks.
    package func start() {
        self.subscription = self.log.subscribe(self.id) { [weak self] in self?.receive($0) }
        self.perform(self.machine.start())
    }

    /// The follower is told nothing more; what is being written is settled.
    package func end() {
        self.isEnded = true
        self.subscription.map { self.log.unsubscribe($0) }
        self.timer?.task.cancel()
        self.waiting?.append.settleLater(.unavailable)
        self.waiting = nil
        if let current = self.current {
            self.counts.waitingBytes -= current.body.readableBytes
            if case .draft(_, let append) = current.writing {
                append.settleLater(.unavailable)
            }
        }
        self.current = nil
    }

    /// Copies may have been lost.
    package func check() {
        guard !self.isEnded else { return }
        self.perform(self.machine.check())
    }

    var now: NIODeadline { self.eventLoop.now }

    /// Whether another node has written to the scan just now.
    var isShared: Bool { self.foreignAt.map { self.now - $0 < .milliseconds(100) } ?? false }

    // MARK: What comes

    private func receive(_ message: LogMessage) {
        guard !self.isEnded else { return }
        guard message.headers[RecordHead.name] != nil else {
            // A nudge.
            self.perform(self.machine.missed(through: message.sequence))
            return
        }
        guard !self.machine.keepsCopies else {
            self.keep(message)
            return
        }
        self.hear(message)
        self.drain()
    }

    private func keep(_ message: LogMessage) {
        if self.copies.count < Self.keptCopies {
            self.copies.append(message)
        } else {
            self.perform(self.machine.check())
        }
    }

    /// Looks at the copies that were kept, as far as nothing is missing between them.
    private func drain() {
        while !self.isEnded, !self.machine.keepsCopies, !self.copies.isEmpty {
            self.hear(self.copies.removeFirst())
        }
    }

    private func hear(_ message: LogMessage) {
        guard let head = self.head(of: message) else { return }
        let (verdict, actions) = self.machine.heard(
            message.sequence,
            prev: head.prev,
            after: message.previous ?? 0,
            id: head.id,
            now: self.now
        )
        if verdict == .gap {
            self.copies.insert(message, at: 0)
        }
        self.judged(verdict, message, head)
        self.perform(actions)
    }

    private func read(_ message: LogMessage) {
        guard !self.isEnded, let head = self.head(of: message) else { return }
        if self.opening?.isFirst ?? false, !self.machine.hasBegun {
            self.machine.began(at: message.sequence, prev: head.prev)
            self.ledger.begins(at: message.sequence)
        }
        let (verdict, actions) = self.machine.read(message.sequence, prev: head.prev, id: head.id, now: self.now)
        self.judged(verdict, message, head)
        self.perform(actions)
    }

    private func judged(_ verdict: ChainReader.Verdict, _ message: LogMessage, _ head: RecordHead) {
        switch verdict {
        case .counts: self.tell(message, head)
        case .void: self.counts.voidRecords += 1
        case .gap, .known: break
        }
    }

    /// A record that cannot be understood ends the feed: nothing is to be shown behind it.
    private func head(of message: LogMessage) -> RecordHead? {
        do {
            return try RecordHead(message.headers)
        } catch {
            self.fail("\(error)")
            return nil
        }
    }

    private func fail(_ why: String) {
        self.logger.error("scan's log cannot be read", metadata: ["error": "\(why)"])
        let follower = self.follower
        self.end()
        follower.notOpened(.storageUnavailable)
    }

    // MARK: What counts

    private func tell(_ message: LogMessage, _ head: RecordHead) {
        let sequence = message.sequence
        let isForeign = !head.id.hasPrefix(self.terms.node)
        self.foreignAt = isForeign ? self.now : self.foreignAt
        var isComplete = false
        if case .carry(let part) = head.kind {
            isComplete = self.ledger.counted(
                part: part.index,
                of: part.count,
                CarryWriting.id(ofPart: head.id),
                sequence: sequence,
                bytes: message.byteCount,
                now: self.now
            )
        } else {
            self.ledger.counted(sequence, bytes: message.byteCount, begins: head.base == 0)
        }
        guard var records = self.records(of: message, head) else {
            self.fail("damaged record \(sequence)")
            return
        }
        for index in records.indices { records[index].isForeign = isForeign }
        if head.base == 0, self.newest?.head.epoch != head.epoch {
            self.marks = LogMarks()
        }
        self.marks.note(head.first, at: sequence, bytes: message.byteCount)
        self.newest = (sequence, head)
        guard self.opening != nil else {
            self.follower.apply(records)
            return
        }
        self.opening?.take(message, head, records, isComplete: isComplete)
        self.showOpening()
    }

    private func records(of message: LogMessage, _ head: RecordHead) -> [LogRecord]? {
        guard case .carry = head.kind else {
            return RecordForm.records(message.body, head, at: message.sequence)
        }
        let standing = ScanStanding(
            epoch: head.epoch,
            place: head.prev,
            head: head.first.previous,
            messageCount: head.messageCount,
            owner: head.owner,
            name: head.scanName
        )
        return [LogRecord(after: standing, place: message.sequence)]
    }

    /// Tells the follower what the log begins with, as soon as that is known.
    private func showOpening(isAll: Bool = false) {
        guard var opening = self.opening else { return }
        let shown = opening.show(isAll: isAll, now: self.terms.wallClock())
        self.opening = opening.isShown && isAll ? nil : opening
        if let marks = shown.marks {
            self.marks.prepend(marks)
        }
        if let place = shown.place {
            self.follower.opening(shown.image, place: place)
        }
        if let lost = shown.lostThrough {
            self.follower.lost(through: lost)
        }
        for records in shown.records {
            self.follower.apply(records)
        }
    }

    // MARK: What is done

    func perform(_ actions: [ScanMachine.Action]) {
        for action in actions where !self.isEnded {
            switch action {
            case .askHead: self.askHead()
            case .begin(let sequence, let behind): self.begin(at: sequence, behind: behind)
            case .read(let after): self.readPage(from: after + 1)
            case .publish(let expected, let attempt): self.publish(expected: expected, attempt: attempt)
            case .settle(let outcome): self.settle(outcome)
            case .opened: self.opened()
            case .notOpened: self.follower.notOpened(.storageUnavailable)
            }
        }
        guard !self.isEnded else { return }
        if self.current == nil, self.machine.isOpen {
            self.writeNext()
        }
        self.setTimer()
    }

    private func askHead() {
        self.log.head(of: self.id) { [weak self] result in
            guard let self, !self.isEnded else { return }
            switch result {
            case .failure:
                self.perform(self.machine.readFailed(now: self.now))
            case .success(let message):
                guard let message else {
                    self.perform(self.machine.headAnswered(nil, now: self.now))
                    self.drain()
                    return
                }
                guard let head = self.head(of: message) else { return }
                let named = ScanMachine.Head(sequence: message.sequence, base: head.base, prev: head.prev)
                self.perform(self.machine.headAnswered(named, now: self.now))
                self.drain()
            }
        }
    }

    private func begin(at sequence: UInt64, behind: UInt64?) {
        self.newest = nil
        self.marks = LogMarks()
        guard sequence > 0 else {
            self.opening = nil
            self.ledger = CarryLedger(leastBytes: self.terms.leastCarryBytes)
            self.follower.opening(nil, place: 0)
            return
        }
        self.opening = LogOpening(base: sequence, behind: behind)
        self.readPage(from: sequence)
    }

    private func readPage(from sequence: UInt64) {
        self.log.read(self.id, from: sequence) { [weak self] in
            self?.read($0)
        } then: { [weak self] result in
            guard let self, !self.isEnded else { return }
            switch result {
            case .failure:
                self.perform(self.machine.readFailed(now: self.now))
            case .success(let isLast):
                self.perform(self.machine.pageEnded(isLast: isLast, now: self.now))
                self.drain()
            }
        }
    }

    private func opened() {
        self.showOpening(isAll: true)
        self.opening = nil
        self.follower.opened(self.newest.map { $0.head.header(of: self.id, at: $0.sequence) })
    }

    /// Sets the timer, if the machine is to be woken sooner than it rings.
    func setTimer() {
        let deadline = min(self.machine.deadline, self.waitingDeadline ?? .distantFuture)
        guard deadline < .distantFuture else { return }
        if let timer = self.timer {
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let task = self.eventLoop.assumeIsolated()
            .scheduleTask(deadline: deadline) { [weak self] in
                guard let self, !self.isEnded else { return }
                self.timer = nil
                self.expireWaiting()
                self.perform(self.machine.tick(now: self.now))
                self.drain()
            }
        self.timer = (deadline, task)
    }
}
