import DequeModule
package import NIOCore
package import SluiceBase

/// The subscribers of one event loop: a finished frame comes here once and goes to each member.
///
/// Loop-confined. It asks the scans' homes for pages through `requests`, and never waits for an answer.
package final class LoopFanOut {
    /// The requests of the fan-out to the scans' homes.
    package struct Requests {
        /// A subscription wants its next page of the log, of at most so many bytes.
        package var page: (Subscriber, Int) -> Void
        /// A subscription fell out of step and has everything through its cursor.
        package var fellBehind: (Subscriber) -> Void

        package init(page: @escaping (Subscriber, Int) -> Void, fellBehind: @escaping (Subscriber) -> Void) {
            self.page = page
            self.fellBehind = fellBehind
        }
    }

    /// Counts of everything the loop's subscribers were given, for the metrics.
    package struct Counts: Sendable, Equatable {
        package var writes = 0
        package var deliveredFrames = 0
        package var deliveredMessages = 0
        package var deliveredBytes = 0
        package var fellBehind = 0
        /// Bytes handed to connections, compressed where the client takes that.
        package var writtenBytes = 0
        /// How old the oldest message of each live write was, in seconds, once for each subscriber.
        package var latencies = Histogram(bounds: Histogram.timeBounds)
    }

    /// How many outboxes read on in one turn of the loop, of at most `max_buffered` each.
    private static let readersPerTurn = 16

    package let eventLoop: any EventLoop
    package var counts: Counts {
        var counts = self.tally
        counts.writtenBytes = self.writtenBytes
        return counts
    }
    private var tally = Counts()
    private var writtenBytes = 0
    package var requests: Requests?

    private var subscribers: [SubscriptionID: Subscriber] = [:]
    private var groups: [GroupID: MemberList] = [:]
    private var dirty: [Outbox] = []
    /// Outboxes that have more to read, in the order of their turns.
    private var reading: Deque<Outbox> = []
    private let wallClock: @Sendable () -> WallTime

    /// - Parameters:
    ///   - eventLoop: The loop that all of it belongs to.
    ///   - wallClock: The time of day, by which messages are dated.
    package init(eventLoop: any EventLoop, wallClock: @escaping @Sendable () -> WallTime) {
        self.eventLoop = eventLoop
        self.wallClock = wallClock
    }

    /// How many subscriptions live on this loop.
    package var subscriberCount: Int { self.subscribers.count }

    /// How many sockets are full, and how many bytes wait for them.
    package var fullSockets: (count: Int, waitingBytes: Int) {
        var outboxes: [ObjectIdentifier: Outbox] = [:]
        for subscriber in self.subscribers.values where subscriber.outbox.blockedSince != nil {
            outboxes[ObjectIdentifier(subscriber.outbox)] = subscriber.outbox
        }
        return (outboxes.count, outboxes.values.reduce(0) { $0 + $1.socketBytes })
    }

    /// A subscription begins here.
    package func add(_ subscriber: Subscriber) {
        self.subscribers[subscriber.id] = subscriber
    }

    /// A subscription is over, because its connection is or because it was given up.
    package func remove(_ subscriber: Subscriber) {
        self.takeOutOfStep(subscriber)
        self.subscribers[subscriber.id] = nil
        subscriber.isOver = true
        subscriber.outbox.forget(subscriber.id)
    }

    /// Frames for the members of a group that are in step.
    package func deliver(_ frames: OutgoingFrames, to group: GroupID) {
        guard let list = self.groups[group] else {
            return
        }
        let memberCount = list.members.count
        let fallen = list.write(frames)
        self.count(frames, times: memberCount - fallen.count)
        for member in fallen {
            self.fellBehind(member)
        }
        self.removeIfEmpty(list)
    }

    /// A member has everything that the group has sent, and is in step with it from now on.
    package func join(_ id: SubscriptionID, _ group: GroupID, generation: Int) {
        guard let subscriber = self.subscribers[id], subscriber.generation == generation else {
            return
        }
        self.takeOutOfStep(subscriber)
        let list = self.groups[group] ?? MemberList(group: group)
        list.insert(subscriber)
        self.groups[group] = list
    }

    /// A member is no longer in step, by its home's decision.
    package func leave(_ id: SubscriptionID, readsOn: Bool) {
        guard let subscriber = self.subscribers[id] else {
            return
        }
        self.takeOutOfStep(subscriber)
        if readsOn {
            subscriber.outbox.fellBehind(id)
        }
    }

    /// Bytes for one subscriber alone.
    ///
    /// Bytes of an older generation are dropped: the home made them before it heard that the subscriber lacks the
    /// messages before them. Messages that it did not ask for and has no room for make it fall behind.
    package func write(
        _ frames: OutgoingFrames,
        to id: SubscriptionID,
        generation: Int,
        isAskedFor: Bool = true
    ) {
        guard let subscriber = self.subscribers[id], subscriber.generation == generation else {
            return
        }
        guard isAskedFor || subscriber.outbox.hasRoom(for: frames.plain.readableBytes) else {
            subscriber.cursor = frames.after
            self.takeOutOfStep(subscriber)
            self.fellBehind(subscriber)
            return
        }
        subscriber.cursor = frames.through
        subscriber.knowsStall = frames.saysStalled ?? subscriber.knowsStall
        self.count(frames, times: 1)
        subscriber.outbox.write(
            frames.plain,
            frameCount: frames.frameCount,
            messageCount: frames.messageCount,
            lagCount: frames.lagCount
        )
    }

    /// The page that a subscription asked for was written.
    package func pageDone(_ id: SubscriptionID, readsOn: Bool) {
        guard let subscriber = self.subscribers[id] else {
            return
        }
        subscriber.outbox.pageWritten(id, readsOn: readsOn)
    }

    /// The scan ended the subscription.
    package func end(_ id: SubscriptionID, _ end: SubscriptionEnd) {
        guard let subscriber = self.subscribers[id] else {
            return
        }
        self.remove(subscriber)
        subscriber.delegate?.subscriptionEnded(subscriber, end)
    }

    /// Asks the scan's home for the next page.
    ///
    /// Returns whether there is such a subscription.
    func requestPage(_ id: SubscriptionID, room: Int) -> Bool {
        guard let subscriber = self.subscribers[id], let requests = self.requests else {
            return false
        }
        requests.page(subscriber, room)
        return true
    }

    /// The outbox has bytes that leave at the end of this loop turn: one flush, whatever was written.
    func flushLater(_ outbox: Outbox) {
        self.dirty.append(outbox)
        guard self.dirty.count == 1 else {
            return
        }
        self.eventLoop.assumeIsolated()
            .execute {
                let dirty = self.dirty
                self.dirty.removeAll(keepingCapacity: true)
                for outbox in dirty {
                    outbox.flush()
                }
            }
    }

    /// An outbox was flushed and has more to read: it continues when the loop has looked at its sockets.
    ///
    /// Otherwise many readers whose sockets take everything at once would get all of history before any other socket is
    /// read.
    func readLater(_ outbox: Outbox) {
        guard !outbox.isReadingLater else {
            return
        }
        outbox.isReadingLater = true
        self.reading.append(outbox)
        if self.reading.count == 1 {
            self.eventLoop.nextTurn { self.readOn() }
        }
    }

    private func readOn() {
        let turn = self.reading.prefix(Self.readersPerTurn)
        self.reading.removeFirst(turn.count)
        if !self.reading.isEmpty {
            self.eventLoop.nextTurn { self.readOn() }
        }
        for outbox in turn {
            outbox.readOn()
        }
    }

    /// A member has no room for the written bytes; it has everything through its cursor, and is in no list.
    private func fellBehind(_ member: Subscriber) {
        member.generation += 1
        self.tally.fellBehind += 1
        self.requests?.fellBehind(member)
        member.outbox.fellBehind(member.id)
    }

    private func takeOutOfStep(_ subscriber: Subscriber) {
        guard let list = subscriber.list else {
            return
        }
        list.remove(subscriber)
        self.removeIfEmpty(list)
    }

    private func removeIfEmpty(_ list: MemberList) {
        if list.isEmpty {
            self.groups[list.group] = nil
        }
    }

    /// Bytes were handed to a connection.
    func wrote(_ byteCount: Int) {
        self.writtenBytes += byteCount
    }

    private func count(_ frames: OutgoingFrames, times: Int) {
        self.tally.writes += times
        self.tally.deliveredFrames += frames.frameCount * times
        self.tally.deliveredMessages += frames.messageCount * times
        self.tally.deliveredBytes += frames.plain.readableBytes * times
        if let oldestAt = frames.oldestAt {
            // One look at the clock for all members; if it was set back meanwhile, they count as served at once.
            let age = Double(self.wallClock().milliseconds) - Double(oldestAt.milliseconds)
            self.tally.latencies.observe(max(0, age / 1000), times: times)
        }
    }
}
