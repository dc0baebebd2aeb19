import NIOCore
import SluiceBase

/// The messages that wait for the gateway: which to send when, and which to drop when there are too many.
///
/// While the gateway is away it holds at most its limits. (While the gateway is there, ``isCongested(now:)`` makes the
/// scanner's output wait before any message must be dropped.) Progress is dropped first, then the oldest ordinary
/// messages, which are counted and announced in their place; critical ones only if they alone are beyond the limits.
/// One batch at a time is on its way, and stays as it is until the gateway has answered, so that its repetition is
/// recognised.
struct PostQueue: Sendable {
    /// The limits of a queue, and its pace.
    struct Limits: Sendable {
        /// How many messages wait at most, and how many bytes of them.
        var maximumCount = 50_000
        var maximumBytes = 32 * 1024 * 1024

        /// How many messages go in one request, and how many bytes of them (one message may be larger).
        var batchCount = 500
        var batchBytes = 1024 * 1024

        /// How many different keys of progress are kept apart.
        var maximumKeyCount = 64

        /// The shortest time between two requests, unless something critical or a full batch waits.
        var minimumInterval = Duration.milliseconds(50)

        /// After this long without a request the gateway is told that the scanner is still there.
        var keepAliveInterval = Duration.seconds(20)

        /// How long after its last answer the gateway still counts as taking messages.
        var maximumHold = Duration.seconds(5)

        /// How long one request may take.
        var requestTimeout = Duration.seconds(15)

        /// How long a batch that has its numbers is repeated until it is stored too: less than the ten minutes for
        /// which the gateway knows a repetition.
        var numberedPatience = Duration.seconds(8 * 60)
    }

    /// The messages of one request, and the number by which its repetition is known.
    struct Batch: Sendable, Equatable {
        let number: Int
        let messages: [ProgressMessage]

        /// The request's body: an array of the messages.
        var body: [UInt8] {
            var body: [UInt8] = [UInt8(ascii: "[")]
            for (index, message) in self.messages.enumerated() {
                if index > 0 { body.append(UInt8(ascii: ",")) }
                body.append(contentsOf: message.bytes)
            }
            body.append(UInt8(ascii: "]"))
            return body
        }
    }

    /// The next action.
    enum Action: Sendable, Equatable {
        case send(Batch, timeout: Duration)

        /// Nothing until then, unless a message comes.
        case wait(until: ContinuousClock.Instant)

        /// All is delivered, or the time for it is over.
        case finish(undeliveredCount: Int)
    }

    /// A message in its place among those of the other queues.
    private struct Entry: Sendable {
        let order: Int
        let message: ProgressMessage
    }

    private let limits: Limits
    private var batchCount: Int
    private var critical = CircularBuffer<Entry>()
    private var ordinary = CircularBuffer<Entry>()
    private var progress: [String: Entry] = [:]
    private var pendingBytes = 0
    private var nextOrder = 0
    private var nextNumber = 0

    /// Batches that are made but not taken, the first of them on its way or about to be.
    private var made = CircularBuffer<Batch>()
    private var backoff = Backoff(base: .milliseconds(250), maximum: .seconds(15))
    private var lastRequest: ContinuousClock.Instant
    private var nextTry: ContinuousClock.Instant
    /// When the gateway took something last; nothing while it is away.
    private var lastTaken: ContinuousClock.Instant?
    private var deadline: ContinuousClock.Instant?
    private var droppedSinceNotice = 0

    /// When the first of the batches was sent first, and whether the gateway has said that its messages have numbers.
    private var firstSent: ContinuousClock.Instant?
    private var isFirstNumbered = false

    /// How many messages have their numbers without a word that they are stored.
    private(set) var numberedCount = 0

    /// How many messages were dropped for lack of room.
    private(set) var droppedCount = 0

    /// The type of the newest message.
    private(set) var newestType: String?

    /// A queue with nothing in it.
    init(limits: Limits, now: ContinuousClock.Instant) {
        self.limits = limits
        self.batchCount = limits.batchCount
        self.lastRequest = now
        self.nextTry = now
        self.lastTaken = now
    }

    private var pendingCount: Int { self.critical.count + self.ordinary.count + self.progress.count }

    /// Takes a message, and drops messages without room.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - isOwn: Whether the message tells how the scan began or ended: such a one always has room.
    mutating func push(_ message: ProgressMessage, isOwn: Bool = false) {
        self.newestType = message.type
        let entry = Entry(order: self.nextOrder, message: message)
        self.nextOrder += 1
        self.pendingBytes += message.bytes.count
        switch message.urgency {
        case .critical:
            self.critical.append(entry)
        case .progress(let key) where self.progress[key] != nil || self.progress.count < self.limits.maximumKeyCount:
            if let old = self.progress.updateValue(entry, forKey: key) {
                self.pendingBytes -= old.message.bytes.count
            }
        case .ordinary, .progress:
            self.ordinary.append(entry)
        }
        while self.isOverfull, self.dropOne(sparesNewestCritical: isOwn) {}
    }

    /// Whether the queue is so full that readers should wait: only while the gateway takes messages.
    func isCongested(now: ContinuousClock.Instant) -> Bool {
        guard self.deadline == nil, let lastTaken = self.lastTaken, now - lastTaken < self.limits.maximumHold else {
            return false
        }
        return self.pendingCount > self.limits.maximumCount / 2 || self.pendingBytes > self.limits.maximumBytes / 2
    }

    private var isOverfull: Bool {
        self.pendingCount > self.limits.maximumCount || self.pendingBytes > self.limits.maximumBytes
    }

    private mutating func dropOne(sparesNewestCritical: Bool) -> Bool {
        if let key = self.oldestProgressKey, let entry = self.progress.removeValue(forKey: key) {
            self.pendingBytes -= entry.message.bytes.count
            return true
        }
        let dropped: Entry
        if let oldest = self.ordinary.popFirst() {
            dropped = oldest
        } else if !sparesNewestCritical, let newest = self.critical.popLast() {
            // Critical ones alone are beyond the limits. The first of them say how the scan began.
            dropped = newest
        } else {
            return false
        }
        self.pendingBytes -= dropped.message.bytes.count
        self.droppedCount += 1
        self.droppedSinceNotice += 1
        return true
    }

    private var oldestProgressKey: String? {
        self.progress.min { $0.value.order < $1.value.order }?.key
    }
}

// MARK: - Sending

extension PostQueue {
    /// The action now; a batch stays the next one until the gateway has answered.
    mutating func nextAction(now: ContinuousClock.Instant) -> Action {
        let waitingCount = self.pendingCount + self.made.reduce(0) { $0 + $1.messages.count }
        if let deadline = self.deadline, waitingCount == 0 || now >= deadline {
            guard self.isFirstNumbered, let batch = self.made.first else {
                return .finish(undeliveredCount: waitingCount)
            }
            self.takeNumbered()
            return .finish(undeliveredCount: waitingCount - batch.messages.count)
        }
        let bounds = self.deadline ?? now + .seconds(24 * 3600)
        if now < self.nextTry {
            return .wait(until: min(self.nextTry, bounds))
        }
        if self.made.isEmpty {
            if waitingCount > 0 {
                let due = self.lastRequest + self.limits.minimumInterval
                let isUrgent =
                    !self.critical.isEmpty || waitingCount >= self.batchCount || self.deadline != nil
                if now < due, !isUrgent { return .wait(until: due) }
                self.makeBatch()
            } else {
                let due = self.lastRequest + self.limits.keepAliveInterval
                if now < due { return .wait(until: min(due, bounds)) }
                self.append([])
            }
        }
        guard let batch = self.made.first else { return .wait(until: bounds) }
        self.lastRequest = now
        self.firstSent = self.firstSent ?? now
        let left = self.deadline.map { $0 - now } ?? self.limits.requestTimeout
        return .send(batch, timeout: min(max(left, .milliseconds(100)), self.limits.requestTimeout))
    }

    /// The gateway has taken the batch.
    mutating func delivered(now: ContinuousClock.Instant) {
        _ = self.popFirst()
        self.lastTaken = now
        self.backoff.succeeded()
    }

    private mutating func popFirst() -> Batch? {
        self.firstSent = nil
        self.isFirstNumbered = false
        return self.made.popFirst()
    }

    /// The gateway is away, or asks to come later.
    ///
    /// - Parameters:
    ///   - now: The time of the failure.
    ///   - retryAfter: The wait that the gateway asks for.
    ///   - jitter: A random number from 0 to 1.
    ///   - numberedCount: How many messages of the batch, from the first, have their numbers nevertheless.
    mutating func failed(
        now: ContinuousClock.Instant,
        retryAfter: Duration?,
        jitter: Double,
        numberedCount: Int = 0
    ) {
        // That the scanner is still there need not be said later.
        if self.made.first?.messages.isEmpty == true { _ = self.popFirst() }
        self.numbered(numberedCount, now: now)
        // A gateway that asks for a pause is there.
        if retryAfter == nil { self.lastTaken = nil }
        self.nextTry = now + self.backoff.failed(jitter: jitter, atLeast: retryAfter)
        // After the scanner's end the wait for the gateway is limited, so the loop tries more often, and a last time.
        if self.deadline != nil, retryAfter == nil { self.nextTry = min(self.nextTry, now + .seconds(2)) }
        if let deadline = self.deadline { self.nextTry = min(self.nextTry, deadline - .seconds(1)) }
        self.nextTry = max(self.nextTry, now + .milliseconds(50))
    }

    /// Messages with numbers are relayed, and posted again only with the key under which the gateway knows them.
    private mutating func numbered(_ count: Int, now: ContinuousClock.Instant) {
        guard let batch = self.made.first, count > 0 || self.isFirstNumbered else { return }
        if count > 0, count < batch.messages.count {
            _ = self.popFirst()
            self.numberedCount += count
            self.prepend(Array(batch.messages[count...]))
            return
        }
        self.isFirstNumbered = true
        if let firstSent = self.firstSent, now - firstSent >= self.limits.numberedPatience { self.takeNumbered() }
    }

    private mutating func takeNumbered() {
        self.numberedCount += self.popFirst()?.messages.count ?? 0
    }

    /// The gateway will never take the batch as it is.
    ///
    /// - Parameters:
    ///   - index: Which message is at fault, if the gateway said so: the others are sent without it.
    ///   - isTooLarge: Whether there was only too much at once: then it goes in halves.
    /// - Returns: How many messages are given up.
    mutating func refused(index: Int?, isTooLarge: Bool) -> Int {
        guard let batch = self.popFirst() else { return 0 }
        self.backoff.succeeded()
        var messages = batch.messages
        if isTooLarge, messages.count > 1 {
            let half = (messages.count + 1) / 2
            self.batchCount = half
            self.prepend(Array(messages[half...]))
            self.prepend(Array(messages[..<half]))
            return 0
        }
        guard let index, messages.indices.contains(index), messages.count > 1 else { return messages.count }
        messages.remove(at: index)
        self.prepend(messages)
        return 1
    }

    /// The scanner has ended: from now on the queue only empties, until `deadline`.
    mutating func finish(deadline: ContinuousClock.Instant) {
        self.deadline = deadline
    }

    private mutating func prepend(_ messages: [ProgressMessage]) {
        self.made.prepend(Batch(number: self.nextNumber, messages: messages))
        self.nextNumber += 1
    }

    private mutating func append(_ messages: [ProgressMessage]) {
        self.made.append(Batch(number: self.nextNumber, messages: messages))
        self.nextNumber += 1
    }

    private mutating func makeBatch() {
        var messages: [ProgressMessage] = []
        var bytes = 0
        let progress = self.progress.sorted { $0.value.order < $1.value.order }.map(\.key)
        var nextProgress = progress[...]
        while messages.count < self.batchCount {
            let criticalOrder = self.critical.first?.order ?? .max
            let ordinaryOrder = self.ordinary.first?.order ?? .max
            let progressOrder = nextProgress.first.flatMap { self.progress[$0]?.order } ?? .max
            let order = min(criticalOrder, ordinaryOrder, progressOrder)
            guard order < .max else { break }
            let next =
                order == criticalOrder
                ? self.critical.first
                : order == ordinaryOrder ? self.ordinary.first : nextProgress.first.flatMap { self.progress[$0] }
            guard let message = next?.message, messages.isEmpty || bytes + message.bytes.count <= self.limits.batchBytes
            else { break }
            if order == criticalOrder {
                self.critical.removeFirst()
            } else if order == ordinaryOrder {
                self.announceDropped(in: &messages)
                self.ordinary.removeFirst()
            } else if let key = nextProgress.popFirst() {
                self.progress[key] = nil
            }
            self.pendingBytes -= message.bytes.count
            bytes += message.bytes.count
            messages.append(message)
        }
        if self.ordinary.isEmpty { self.announceDropped(in: &messages) }
        self.append(messages)
    }

    /// Says how many messages are missing, where they would have stood.
    private mutating func announceDropped(in messages: inout [ProgressMessage]) {
        guard self.droppedSinceNotice > 0 else { return }
        let count = self.droppedSinceNotice
        self.droppedSinceNotice = 0
        messages.append(
            ProgressMessage("messagesDropped") { object in
                object.member("count", count)
                object.member("reason", "outbox_full")
            }
        )
    }
}
