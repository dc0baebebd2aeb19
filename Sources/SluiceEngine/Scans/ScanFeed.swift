package import Logging
package import NIOCore
package import SluiceBase
package import SluiceRelay

/// Follows one scan's log on one node: the driver of ``ScanMachine``.
///
/// Loop-confined. It carries out the machine's actions, passes it the records that arrive, and tells the follower which
/// of them count.
package final class ScanFeed {
    /// Settings that a node's feeds share.
    package struct Terms: Sendable {
        /// The prefix of the ids of this node's records; no other node uses it.
        package var node: String
        package var appendTimeout: TimeAmount
        package var wallClock: @Sendable () -> WallTime
        /// Records of this many bytes since the last carry, or fewer, need no new one.
        package var leastCarryBytes = CarryLedger.leastBytes

        package init(node: String, appendTimeout: TimeAmount, wallClock: @escaping @Sendable () -> WallTime) {
            self.node = node
            self.appendTimeout = appendTimeout
            self.wallClock = wallClock
        }
    }

    /// A record that is being written: of requests, or a part of a carry.
    enum Writing {
        case draft(RecordDraft, EngineAppend)
        case part(CarryWriting, index: Int)
    }

    struct Current {
        var writing: Writing
        var id: String
        var head: RecordHead
        var body: ByteBuffer
        var begunAt: NIODeadline
        /// When it was published; nil before, and once it was published again.
        var publishedAt: NIODeadline?
        /// Whether a scan begins with it.
        var isFirst = false
    }

    /// The most copies that are kept while the log is read, and the most bytes of them; beyond it they are read
    /// instead.
    private static let keptCopies = 1024
    private static let keptBytes = 4 * 1024 * 1024
    /// The bytes after which a page of the log ends.
    private static let pageBytes = 4 * 1024 * 1024

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
    /// What was read before it is known with which record the chain begins.
    private var early: [LogMessage] = []
    /// Answers to what was asked for an earlier page are none to this one.
    private var pageNumber = 0
    private(set) var copies: [LogMessage] = []
    private var copiedBytes = 0
    /// The copy before which something was missing; where all was read since, what it is a copy of is gone.
    private var missedCopy: UInt64?
    private var subscription: Int?
    var current: Current?
    /// What waits for the scan to be open, or for a part of a carry.
    var waiting: (draft: RecordDraft, append: EngineAppend)?
    var carry: CarryWriting?
    /// Whether a draft of this node counted since its last carry: those who only read write none.
    var hasWritten = false
    /// Whether the last record that it began was of requests: with a carry due, these take turns.
    var hasWrittenDraft = false
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    var turns = WriterTurns()
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

    /// Starts to follow; the follower is told in later tasks.
    package func start() {
        self.subscription = self.log.subscribe(self.id) { [weak self] in self?.receive($0) }
        self.perform(self.machine.start())
    }

    /// Stops: the follower is told nothing more, and what is being written is settled.
    package func end() {
        self.isEnded = true
        self.subscription.map { self.log.unsubscribe($0) }
        self.subscription = nil
        self.timer?.task.cancel()
        self.waiting?.append.settleLater(.unavailable)
        self.waiting = nil
        if let current = self.current, case .draft(_, let append) = current.writing {
            append.settleLater(.unavailable)
        }
        self.current = nil
    }

    /// Copies may have been lost: asks the leader for the newest record.
    package func check() {
        guard !self.isEnded else { return }
        self.perform(self.machine.check())
    }

    /// The stream may be about to lose the scan's beginning, so that a carry is due.
    package func repeatOld() {
        guard !self.isEnded, self.current == nil, self.machine.isOpen else { return }
        self.perform([])
    }

    var now: NIODeadline { self.eventLoop.now }

    // MARK: Arriving records

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
        if self.copies.count < Self.keptCopies, self.copiedBytes + message.byteCount <= Self.keptBytes {
            self.copies.append(message)
            self.copiedBytes += message.byteCount
        } else {
            self.perform(self.machine.check())
        }
    }

    /// Looks at the copies that were kept, as far as nothing is missing between them.
    private func drain() {
        while !self.isEnded, !self.machine.keepsCopies, !self.copies.isEmpty {
            let message = self.copies.removeFirst()
            self.copiedBytes -= message.byteCount
            self.hear(message)
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
        if verdict == .gap, self.missedCopy != message.sequence {
            self.missedCopy = message.sequence
            self.copies.insert(message, at: 0)
            self.copiedBytes += message.byteCount
        }
        self.judged(verdict, message, head)
        self.perform(actions)
    }

    private func read(_ message: LogMessage) {
        guard !self.isEnded, let head = self.head(of: message) else { return }
        guard self.machine.hasBegun || self.opening == nil else {
            self.early.append(message)
            let bytes = message.byteCount
            self.machine.beginning(at: message.sequence, prev: head.prev, bytes: bytes).map { self.begin(with: $0) }
            return
        }
        let (verdict, actions) = self.machine.read(message.sequence, prev: head.prev, id: head.id, now: self.now)
        self.judged(verdict, message, head)
        self.perform(actions)
    }

    /// It is known with which of the records read so far the chain begins.
    private func begin(with index: Int) {
        let early = self.early
        self.early = []
        self.ledger.begins(at: early[index].sequence)
        // A gap between them ends it: then the log is read anew.
        for message in early[index...] where self.machine.hasBegun { self.read(message) }
    }

    private func judged(_ verdict: ChainReader.Verdict, _ message: LogMessage, _ head: RecordHead) {
        switch verdict {
        case .counts: self.tell(message, head)
        case .void: self.counts.voidRecords += 1
        case .gap, .known: break
        case .anew:
            // What is missing before it is gone: the scan is shown from here on.
            self.newest = nil
            self.marks = LogMarks()
            self.ledger.begins(at: message.sequence)
            self.opening = LogOpening(base: 0, behind: nil)
            self.tell(message, head)
        }
    }

    /// A record that cannot be understood ends the feed: nothing is to be shown behind it.
    private func head(of message: LogMessage) -> RecordHead? {
        do throws(RecordHead.Fault) {
            return try RecordHead(message.headers, at: message.sequence)
        } catch {
            switch error {
            case .version(let version):
                self.fail("record \(message.sequence) has version \(version)", .storageUnavailable)
            case .malformed:
                self.fail("record \(message.sequence) is malformed")
            }
            return nil
        }
    }

    private func fail(_ why: String, _ refusal: RelayRefusal = .storageDamaged) {
        guard !self.isEnded else { return }
        self.logger.error("scan's log cannot be read", metadata: ["error": "\(why)"])
        let follower = self.follower
        self.end()
        follower.failed(refusal)
    }

    // MARK: What counts

    private func tell(_ message: LogMessage, _ head: RecordHead) {
        let sequence = message.sequence
        guard self.goesOn(head) else {
            // One of a stream that was made anew may have the number that was awaited here.
            if let actions = self.machine.reread() {
                self.perform(actions)
            } else {
                self.fail("record \(sequence) does not go on with the one before it")
            }
            return
        }
        let isForeign = !head.id.hasPrefix(self.terms.node)
        if self.machine.isOpen {
            self.turns.counted(by: head.writer, now: self.now)
        }
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
            self.fail("record \(sequence) is damaged")
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

    /// Whether a record that counts has the numbers that follow: in the same life, or in a new one behind an end.
    private func goesOn(_ head: RecordHead) -> Bool {
        guard let newest = self.newest?.head else { return true }
        return (head.epoch == newest.epoch && head.first == newest.head.next) || (newest.end != nil && head.first == 1)
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

    /// Tells the follower how the log begins, as soon as that is known.
    private func showOpening(isAll: Bool = false) {
        guard var opening = self.opening else { return }
        let shown = opening.show(isAll: isAll, now: self.terms.wallClock())
        guard !shown.isDamaged else {
            self.fail("its carry is damaged")
            return
        }
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

    // MARK: Actions

    func perform(_ actions: [ScanMachine.Action]) {
        for action in actions where !self.isEnded {
            switch action {
            case .askHead: self.askHead()
            case .begin(let sequence, let behind): self.begin(at: sequence, behind: behind)
            case .read(let after): self.readPage(from: after + 1)
            case .look(let sequence): self.look(at: sequence)
            case .publish(let expected, let attempt): self.publish(expected: expected, attempt: attempt)
            case .settle(let outcome): self.settle(outcome)
            case .opened: self.opened()
            case .notOpened: self.follower.notOpened(.storageUnavailable)
            }
        }
        guard !self.isEnded else { return }
        self.writeNext()
        self.setTimer()
    }

    private func askHead() {
        // What a page still gives was given up.
        self.pageNumber += 1
        guard !self.machine.hasBegun else {
            self.askNewest()
            return
        }
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

    /// Of a log that is known to its end only the sequence of its newest record matters: most often it is known, too.
    private func askNewest() {
        self.log.newest(of: self.id) { [weak self] result in
            // Where the log is read anew meanwhile, the record itself is asked for.
            guard let self, !self.isEnded, self.machine.hasBegun else { return }
            switch result {
            case .failure:
                self.perform(self.machine.readFailed(now: self.now))
            case .success(let sequence):
                let head = sequence > 0 ? ScanMachine.Head(sequence: sequence, base: 0, prev: 0) : nil
                self.perform(self.machine.headAnswered(head, now: self.now))
                self.drain()
            }
        }
    }

    private func begin(at sequence: UInt64, behind: UInt64?) {
        self.newest = nil
        self.early = []
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
        self.pageNumber += 1
        let number = self.pageNumber
        self.log.read(self.id, from: sequence, maximumBytes: Self.pageBytes) { [weak self] message in
            guard let self, self.pageNumber == number else { return }
            self.read(message)
        } then: { [weak self] result in
            guard let self, !self.isEnded, self.pageNumber == number else { return }
            switch result {
            case .failure:
                self.perform(self.machine.readFailed(now: self.now))
            case .success(let isLast):
                self.machine.beginningOfPage().map { self.begin(with: $0) }
                guard !self.isEnded, self.pageNumber == number else { return }
                self.perform(self.machine.pageEnded(isLast: isLast, now: self.now))
                self.drain()
            }
        }
    }

    private func look(at sequence: UInt64) {
        self.log.look(self.id, at: sequence) { [weak self] result in
            guard let self, !self.isEnded else { return }
            switch result {
            case .failure: self.perform(self.machine.readFailed(now: self.now))
            case .success(let message):
                let head = message.flatMap { try? RecordHead($0.headers, at: $0.sequence) }
                // Where a stream is made anew its numbers are given once more.
                let isSame = self.newest.map { $0.sequence != sequence || $0.head.id == head?.id } ?? true
                let isThere = message?.sequence == sequence && isSame
                self.perform(self.machine.looked(isThere, now: self.now))
            }
            self.drain()
        }
    }

    private func opened() {
        self.showOpening(isAll: true)
        self.opening = nil
        guard !self.isEnded else { return }
        self.follower.opened(self.newest.map { $0.head.header(of: self.id, at: $0.sequence) })
    }

    /// Sets the timer, unless it rings early enough for the next deadline.
    func setTimer() {
        let deadline = min(self.machine.deadline, self.waitingDeadline ?? .distantFuture, self.carryDeadline)
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
