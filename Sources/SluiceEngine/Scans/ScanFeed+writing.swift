package import NIOCore
import SluiceBase
package import SluiceRelay

/// The writing side of a feed: drafts of requests, and carries when the log needs one.
extension ScanFeed {
    /// When this node may write; until then others do.
    package var turn: NIODeadline { self.turns.turn(of: self.terms.node) }

    /// Writes a draft behind the last record that counts.
    package func append(_ draft: RecordDraft, _ promise: EventLoopPromise<AppendOutcome>) {
        let append = EngineAppend(promise: promise)
        guard !self.isEnded else {
            append.settleLater(.unavailable)
            return
        }
        precondition(self.waiting == nil, "one draft of a scan at a time")
        self.waiting = (draft, append)
        self.writeNext()
        self.setTimer()
    }

    /// When a draft that has not been started is given up; nil where none waits.
    var waitingDeadline: NIODeadline? { self.waiting.map { $0.draft.since + self.terms.appendTimeout } }

    func expireWaiting() {
        guard let deadline = self.waitingDeadline, deadline <= self.now else { return }
        self.waiting?.append.settleLater(.unavailable)
        self.waiting = nil
        self.counts.failedDrafts += 1
    }

    /// Writes the next record, once everything is read that is known to be there: of requests, as soon as there are any,
    /// or a part of a carry, at this node's turn; where both wait, one after the other.
    ///
    /// What would be written before is overtaken by the next record that is read; to make a carry for each of these costs
    /// more than to read them all.
    func writeNext() {
        guard self.current == nil, self.machine.isOpen, !self.machine.isCatchingUp, self.copies.isEmpty else { return }
        if self.isCarryDue, self.waiting == nil ? self.turn <= self.now : self.hasWrittenDraft {
            self.writeCarry()
            self.hasWrittenDraft = false
        }
        if self.current == nil, let (draft, append) = self.waiting {
            self.waiting = nil
            self.hasWrittenDraft = true
            self.write(draft, append)
        }
    }

    private var isCarryDue: Bool {
        self.carry != nil || (self.hasWritten && self.ledger.isDue(now: self.now)) || self.isOld
    }

    /// When a carry that is due may be written; it was tried where that is over.
    var carryDeadline: NIODeadline {
        let turn = self.turn
        return turn > self.now && self.current == nil && self.machine.isOpen && self.isCarryDue ? turn : .distantFuture
    }

    /// Whether the stream is about to lose the beginning of a scan that this node keeps.
    private var isOld: Bool {
        guard let newest = self.newest, newest.head.end == nil, self.ledger.base > 0 else {
            return false
        }
        return self.log.isOld(self.id, base: self.ledger.base) && self.ledger.mayBegin(now: self.now)
    }

    private func write(_ draft: RecordDraft, _ append: EngineAppend) {
        guard let first = draft.records.first, first.prev == self.machine.chain.last else {
            append.settleLater(.overtaken)
            return
        }
        let body = RecordForm.bytes(draft.records)
        guard body.readableBytes <= self.log.maximumBodyBytes, draft.records.count <= RecordForm.maximumCount else {
            append.settleLater(.tooLarge)
            return
        }
        let head = self.head(of: draft, first)
        var current = Current(writing: .draft(draft, append), id: head.id, head: head, body: body, begunAt: self.now)
        current.isFirst = self.begins(head.epoch)
        self.begin(current, deadline: draft.since + self.terms.appendTimeout)
    }

    private func head(of draft: RecordDraft, _ first: LogRecord) -> RecordHead {
        let last = draft.records[draft.records.count - 1]
        let count = first.first.distance(to: last.head) + 1
        let isSilent = draft.records.allSatisfy { $0.messages.isEmpty && $0.isHeard && $0.answer == nil }
        let isNamed = self.newest.map { $0.head.owner == last.owner && $0.head.scanName == last.name } ?? false
        var kind: RecordHead.Kind = count > 0 ? .messages : isSilent && isNamed ? .signOfLife : .names
        if let end = last.end {
            kind = .end(end)
        }
        var head = RecordHead(
            kind: kind,
            epoch: last.epoch,
            prev: first.prev,
            first: first.first,
            count: count,
            messageCount: last.messageCount,
            id: self.terms.node + self.counts.makeNumber(),
            base: self.begins(last.epoch) ? 0 : self.ledger.base,
            times: draft.times
        )
        head.owner = last.owner
        head.scanName = last.name
        head.fold = draft.fold
        return head
    }

    /// Whether a record of this epoch is the first of a life of the scan.
    private func begins(_ epoch: String) -> Bool {
        self.newest.map { $0.head.epoch != epoch || $0.head.end != nil } ?? true
    }

    private func begin(_ current: Current, deadline: NIODeadline) {
        self.current = current
        self.perform(self.machine.append(current.id, deadline: deadline, now: self.now))
    }

    /// Writes the next part of a carry; a new carry is made of what the follower has now.
    private func writeCarry() {
        if let carry = self.carry, carry.next > 1, self.ledger.open?.id != carry.id {
            // Another one was begun after it.
            self.carry = nil
            return
        }
        if self.carry == nil || self.carry?.next == 1 {
            guard let image = self.follower.image(), image.standing.place == self.machine.chain.last else {
                self.carry = nil
                return
            }
            let body = ImageForm.bytes(image, marks: self.marks.marks, now: self.terms.wallClock())
            self.carry = CarryWriting(
                id: self.terms.node + self.counts.makeNumber(),
                image: image,
                body: body,
                maximumPartBytes: self.log.maximumBodyBytes
            )
        }
        guard let carry = self.carry, let newest = self.newest, newest.head.end == nil else {
            self.carry = nil
            return
        }
        var head = newest.head
        head.kind = .carry(RecordHead.Part(index: carry.next, count: carry.parts.count))
        head.prev = self.machine.chain.last
        head.first = newest.head.head.next
        head.count = 0
        head.id = carry.id(ofPart: carry.next)
        head.base = self.ledger.base
        let body = carry.parts[carry.next - 1]
        self.begin(
            Current(
                writing: .part(carry, index: carry.next),
                id: head.id,
                head: head,
                body: body,
                begunAt: self.now
            ),
            deadline: self.now + self.terms.appendTimeout
        )
    }

    func publish(expected: UInt64, attempt: Int) {
        guard let current = self.current else { return }
        if attempt > 1 {
            self.counts.repeatedDrafts += 1
        }
        self.current?.publishedAt = attempt > 1 ? nil : self.now
        let id = current.id
        self.log.publish(current.head.headers, current.body, to: self.id, expected: expected) { [weak self] answer in
            guard let self, !self.isEnded else { return }
            self.perform(self.machine.answered(answer, attempt: attempt, of: id, now: self.now))
        }
    }

    func settle(_ outcome: AppendMachine.Outcome) {
        guard let current = self.current else { return }
        self.current = nil
        self.counts.overtakenDrafts += outcome == .overtaken ? 1 : 0
        switch current.writing {
        case .draft(_, let append):
            if outcome == .unavailable {
                self.counts.failedDrafts += 1
            } else if outcome == .confirmed {
                current.publishedAt.map { self.turns.took(self.now - $0) }
                self.hasWritten = true
                self.counts.changes.begun += current.isFirst ? 1 : 0
                self.counts.changes.ended += current.head.end == nil ? 0 : 1
                self.counts.appendTimes.observe(Double((self.now - current.begunAt).nanoseconds) / 1e9)
            }
            append.promise.succeed(AppendOutcome(outcome))
        case .part(let carry, let index):
            self.settled(carry, index, outcome)
        }
    }

    private func settled(_ carry: CarryWriting, _ index: Int, _ outcome: AppendMachine.Outcome) {
        switch outcome {
        case .confirmed where index == carry.parts.count:
            self.counts.carries += 1
            self.hasWritten = false
            self.carry = nil
        case .confirmed:
            self.carry?.next = index + 1
        case .overtaken where index > 1:
            // Written again behind the records that came first.
            break
        case .overtaken, .unavailable, .tooLarge:
            self.ledger.failed(now: self.now)
            self.carry = nil
        }
    }
}

extension AppendOutcome {
    init(_ outcome: AppendMachine.Outcome) {
        switch outcome {
        case .confirmed: self = .confirmed
        case .overtaken: self = .overtaken
        case .unavailable: self = .unavailable
        case .tooLarge: self = .tooLarge
        }
    }
}
