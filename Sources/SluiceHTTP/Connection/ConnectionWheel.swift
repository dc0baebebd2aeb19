package import NIOCore

/// Ticks all connections of one event loop, so that none of them needs a timer of its own.
///
/// Each is ticked once in every interval, but not all at the same instant: they are spread over a number of slots, and
/// the wheel advances by one slot at a time. It moves only while a connection is on it. Loop-confined.
package final class ConnectionWheel {
    /// A place on the wheel.
    package struct Place: Sendable {
        fileprivate let index: Int
    }

    private static let maximumSlotCount = 16
    private static let shortestStep = TimeAmount.milliseconds(10)

    /// How often each is ticked.
    package let interval: TimeAmount

    private let eventLoop: any EventLoop
    private let slotCount: Int
    private let step: TimeAmount
    /// Free places are used again; place `i` belongs to slot `i % slotCount`.
    private var places: [(any Ticking)?] = []
    private var freeIndexes: [Int] = []
    private var slot = 0
    private var nextStepAt = NIODeadline.distantFuture
    private var scheduled: Scheduled<Void>?
    private var isTurning = false

    /// An empty wheel.
    ///
    /// - Parameters:
    ///   - eventLoop: The loop that it and all on it belong to.
    ///   - interval: How often each is ticked; at least 10 ms.
    package init(eventLoop: any EventLoop, interval: TimeAmount) {
        precondition(interval >= Self.shortestStep, "a wheel turns once in 10 ms at most")
        self.eventLoop = eventLoop
        self.interval = interval
        let steps = interval.nanoseconds / Self.shortestStep.nanoseconds
        self.slotCount = min(Self.maximumSlotCount, Int(steps))
        self.step = .nanoseconds(interval.nanoseconds / Int64(self.slotCount))
    }

    /// How many are on it.
    package var count: Int { self.places.count - self.freeIndexes.count }

    /// Puts a connection on the wheel, which holds it until it is removed.
    ///
    /// - Parameter ticking: The connection to be ticked.
    /// - Returns: Its place, to be given back.
    package func add(_ ticking: any Ticking) -> Place {
        self.eventLoop.assertInEventLoop()
        let index: Int
        if let free = self.freeIndexes.popLast() {
            index = free
            self.places[index] = ticking
        } else {
            index = self.places.count
            self.places.append(ticking)
        }
        if self.scheduled == nil, !self.isTurning {
            self.nextStepAt = self.eventLoop.now + self.step
            self.schedule()
        }
        return Place(index: index)
    }

    /// Takes a connection off the wheel.
    package func remove(_ place: Place) {
        self.eventLoop.assertInEventLoop()
        precondition(self.places[place.index] != nil, "a place is given back once")
        self.places[place.index] = nil
        self.freeIndexes.append(place.index)
        if self.count == 0 {
            self.places = []
            self.freeIndexes = []
            self.scheduled?.cancel()
            self.scheduled = nil
        }
    }

    private func schedule() {
        self.scheduled = self.eventLoop.assumeIsolated()
            .scheduleTask(deadline: self.nextStepAt) {
                self.turn()
            }
    }

    private func turn() {
        let now = self.eventLoop.now
        self.scheduled = nil
        self.isTurning = true
        self.slot = (self.slot + 1) % self.slotCount
        // By index: a connection that is ticked may leave, or others may come.
        var index = self.slot
        while index < self.places.count {
            self.places[index]?.tick(now: now)
            index += self.slotCount
        }
        self.isTurning = false
        // A delayed loop does not make up for the steps that it missed.
        self.nextStepAt = max(self.nextStepAt, now) + self.step
        if self.count > 0 {
            self.schedule()
        }
    }
}

/// A connection that a `ConnectionWheel` ticks.
package protocol Ticking: AnyObject {
    /// Some time has passed: about as much as the wheel's interval.
    func tick(now: NIODeadline)
}
