internal import DequeModule
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// The deliveries that wait for receivers of hooks, and the times of the attempts.
///
/// Receivers are independent of each other. A receiver that fails is tried again after 1 s, then after twice as long each
/// time, up to ten minutes, with one delivery at a time; a receiver that works gets up to `maximumUnderWay` at once. A
/// delivery that the receiver refuses waits by itself in the same way, and delays no other. Time is an argument.
struct HookSchedule {
    /// How an attempt ended.
    enum Outcome: Equatable {
        case delivered
        /// The receiver is away or overloaded, and may have said for how long.
        case failed(retryAfter: TimeAmount?)
        /// The receiver refuses this delivery for now.
        case refused
        /// The receiver refuses this delivery for good.
        case gone
    }

    /// Deliveries and attempts since the start, by their end.
    struct Counts: Sendable, Equatable {
        var delivered = 0
        /// Failed attempts.
        var failed = 0
        /// Deliveries that were not accepted within a day, or refused for good.
        var givenUp = 0
        /// Deliveries removed or not taken beyond the limits, or of what was never stored.
        var dropped = 0
        /// Deliveries that wait, and the bytes of them.
        var waiting = 0
        var waitingBytes = 0
    }

    /// The consequences of an attempt's end, besides the next attempt.
    struct Verdict: Equatable {
        /// Whether the delivery is finished, accepted or not.
        var isOver = false
        /// Whether the receiver began to fail with this attempt, or works again.
        var changesHealth = false
    }

    private struct Waiting {
        var delivery: HookDelivery
        var endsAt: NIODeadline
        /// How often the receiver refused this one alone, and when it is tried again.
        var refusalCount = 0
        var notBefore = NIODeadline.uptimeNanoseconds(0)
    }

    private struct Receiver {
        var waiting: Deque<Waiting> = []
        var underWay: [String: Waiting] = [:]
        /// Failures in a row.
        var failureCount = 0
        var notBefore = NIODeadline.uptimeNanoseconds(0)

        var count: Int { self.waiting.count + self.underWay.count }

        /// How many attempts may be under way.
        var room: Int { (self.failureCount == 0 ? HookSchedule.maximumUnderWay : 1) - self.underWay.count }

        /// When an attempt may begin, if one waits and there is room.
        var nextAttempt: NIODeadline? {
            guard self.room > 0, let first = self.waiting.lazy.map(\.notBefore).min() else { return nil }
            return max(first, self.notBefore)
        }
    }

    /// The most events of one scan: 20 at once, and one each 5 s from then on.
    private static let scanLimit = RateLimit(rate: 0.2, burst: 20)
    /// How long a delivery is tried.
    static let lifetime = TimeAmount.hours(24)
    /// The most attempts at a time for a receiver that works.
    static let maximumUnderWay = 4
    private static let firstPause = TimeAmount.seconds(1)
    private static let longestPause = TimeAmount.minutes(10)
    /// The longest pause that a receiver can ask for.
    private static let longestAskedPause = TimeAmount.hours(1)
    /// The bytes that a delivery counts besides its body.
    private static let overheadBytes = 256

    var limits: GatewayConfiguration.Limits.Hooks
    private var receivers: [String: Receiver] = [:]
    /// What each scan may still tell: one that starts and ends without pause leaves room for the others.
    private var allowances = BucketMap<ScanID>(limit: HookSchedule.scanLimit)
    private(set) var counts = Counts()

    init(limits: GatewayConfiguration.Limits.Hooks) {
        self.limits = limits
    }

    /// Takes a delivery that is to be tried until `endsAt`.
    ///
    /// Returns the deliveries beyond the limits: the oldest ones of the receiver with the most.
    mutating func add(_ delivery: HookDelivery, endsAt: NIODeadline) -> [HookDelivery] {
        self.receivers[delivery.url, default: Receiver()].waiting.append(Waiting(delivery: delivery, endsAt: endsAt))
        self.counts.waiting += 1
        self.counts.waitingBytes += Self.bytes(of: delivery)
        var dropped: [HookDelivery] = []
        while self.counts.waiting > self.limits.count || self.counts.waitingBytes > self.limits.bytes,
            let url = self.receivers.max(by: { $0.value.waiting.count < $1.value.waiting.count })?.key,
            let oldest = self.receivers[url]?.waiting.popFirst()
        {
            self.left(oldest.delivery)
            self.counts.dropped += 1
            dropped.append(oldest.delivery)
        }
        return dropped
    }

    /// The deliveries to attempt now, and those whose day is over.
    mutating func begin(now: NIODeadline) -> (attempts: [HookDelivery], givenUp: [HookDelivery]) {
        var attempts: [HookDelivery] = []
        var givenUp: [HookDelivery] = []
        for (url, var receiver) in self.receivers where receiver.notBefore <= now {
            while receiver.room > 0, let index = receiver.waiting.firstIndex(where: { $0.notBefore <= now }) {
                let next = receiver.waiting.remove(at: index)
                if next.endsAt <= now {
                    givenUp.append(next.delivery)
                } else {
                    receiver.underWay[next.delivery.id] = next
                    attempts.append(next.delivery)
                }
            }
            self.receivers[url] = receiver
        }
        self.giveUp(givenUp)
        return (attempts, givenUp)
    }

    /// An attempt is over.
    ///
    /// - Parameters:
    ///   - delivery: The delivery.
    ///   - outcome: The attempt's end.
    ///   - now: The loop's time.
    ///   - chance: A random number from 0 to 1: receivers that failed together are not asked again together.
    /// - Returns: The consequences; none for a receiver that was removed meanwhile.
    mutating func ended(_ delivery: HookDelivery, _ outcome: Outcome, now: NIODeadline, chance: Double) -> Verdict {
        guard var receiver = self.receivers[delivery.url],
            var waiting = receiver.underWay.removeValue(forKey: delivery.id)
        else {
            return Verdict()
        }
        let wasFailing = receiver.failureCount > 0
        var verdict = Verdict()
        switch outcome {
        case .delivered:
            receiver.failureCount = 0
            self.counts.delivered += 1
            verdict.isOver = true
        case .gone:
            self.counts.failed += 1
            self.counts.givenUp += 1
            verdict.isOver = true
        case .failed(let retryAfter):
            receiver.waiting.prepend(waiting)
            self.counts.failed += 1
            let pause = Self.pause(after: receiver.failureCount, chance: chance)
            receiver.failureCount += 1
            receiver.notBefore = now + max(pause, min(retryAfter ?? .zero, Self.longestAskedPause))
        case .refused:
            self.counts.failed += 1
            waiting.notBefore = now + Self.pause(after: waiting.refusalCount, chance: chance)
            waiting.refusalCount += 1
            receiver.waiting.append(waiting)
        }
        verdict.changesHealth = (receiver.failureCount > 0) != wasFailing
        self.receivers[delivery.url] = receiver
        if verdict.isOver {
            self.left(delivery)
        }
        return verdict
    }

    /// The time of the next attempt, if nothing is added and no attempt ends before.
    var deadline: NIODeadline? {
        self.receivers.values.compactMap(\.nextAttempt).min()
    }

    /// Whether an attempt is under way, or one would be begun now.
    func isBusy(now: NIODeadline) -> Bool {
        self.receivers.values.contains { receiver in
            !receiver.underWay.isEmpty || receiver.nextAttempt.map { $0 <= now } ?? false
        }
    }

    /// Gives up deliveries whose day is over, also those of receivers in a pause.
    mutating func expire(now: NIODeadline) -> [HookDelivery] {
        var givenUp: [HookDelivery] = []
        for (url, receiver) in self.receivers {
            let old = receiver.waiting.filter { $0.endsAt <= now }
            if !old.isEmpty {
                givenUp += old.map(\.delivery)
                self.receivers[url]?.waiting = receiver.waiting.filter { $0.endsAt > now }
            }
        }
        self.giveUp(givenUp)
        return givenUp
    }

    /// Removes receivers that are no longer configured, gives up their deliveries, and returns them.
    mutating func keep(only urls: Set<String>) -> [HookDelivery] {
        var removed: [HookDelivery] = []
        for (url, receiver) in self.receivers where !urls.contains(url) {
            removed += receiver.waiting.map(\.delivery) + receiver.underWay.values.map(\.delivery)
            self.receivers[url] = nil
        }
        self.giveUp(removed)
        return removed
    }

    /// Takes an event of a scan's allowance.
    ///
    /// - Returns: Whether there was one; if not, its deliveries count as dropped.
    mutating func admits(_ scanID: ScanID, deliveryCount: Int, now: NIODeadline) -> Bool {
        guard case .taken = self.allowances.take(for: scanID, now: now.uptimeNanoseconds) else {
            self.counts.dropped += deliveryCount
            return false
        }
        return true
    }

    /// Deliveries were made, and what caused them was never stored.
    mutating func notSent(_ count: Int) {
        self.counts.dropped += count
    }

    private mutating func giveUp(_ deliveries: [HookDelivery]) {
        self.counts.givenUp += deliveries.count
        for delivery in deliveries {
            self.left(delivery)
        }
    }

    private mutating func left(_ delivery: HookDelivery) {
        self.counts.waiting -= 1
        self.counts.waitingBytes -= Self.bytes(of: delivery)
        if self.receivers[delivery.url]?.count == 0, self.receivers[delivery.url]?.failureCount == 0 {
            self.receivers[delivery.url] = nil
        }
    }

    private static func pause(after failureCount: Int, chance: Double) -> TimeAmount {
        let pause = min(Self.firstPause * (1 << min(failureCount, 16)), Self.longestPause)
        return .nanoseconds(Int64(Double(pause.nanoseconds) * (0.8 + 0.4 * chance)))
    }

    private static func bytes(of delivery: HookDelivery) -> Int {
        delivery.body.count + Self.overheadBytes
    }
}
