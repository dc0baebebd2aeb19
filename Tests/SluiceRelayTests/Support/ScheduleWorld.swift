import NIOCore
import TestSupport

/// Time, chance and the event loops of one schedule.
final class ScheduleWorld {
    /// The loop whose task runs.
    private(set) var current: ScheduleLoop?
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private(set) var loops: [ScheduleLoop] = []
    /// A store's work apart from the loops, task by task.
    private(set) lazy var storeLoop = ScheduleLoop(index: self.loops.count, world: self)
    var random: SplitMix64
    /// How many flushes of the relay are under way.
    var flushCount = 0
    /// Forbidden events that were seen.
    private(set) var failures: [String] = []

    init(seed: UInt64, loopCount: Int) {
        self.random = SplitMix64(seed: seed)
        self.loops = (0..<loopCount).map { ScheduleLoop(index: $0, world: self) }
    }

    func fail(_ what: String) {
        if self.failures.count < 8 {
            self.failures.append(
                "at \((self.now - .uptimeNanoseconds(1_000_000_000_000)).nanoseconds / 1_000_000) ms: \(what)"
            )
        }
    }

    /// Does something as if in a task of the loop.
    func on<Result>(_ loop: ScheduleLoop, _ body: () throws -> Result) rethrows -> Result {
        let outer = self.current
        self.current = loop
        defer { self.current = outer }
        return try body()
    }

    /// Runs up to this many tasks, of loops at random.
    func run(_ maximumCount: Int = .max) {
        for _ in 0..<maximumCount {
            guard let loop = (self.loops + [self.storeLoop]).filter({ !$0.isIdle }).randomElement(using: &self.random)
            else {
                return
            }
            loop.runOne()
        }
    }

    /// Does everything that is to be done now, then lets time pass.
    func advance(by amount: TimeAmount) {
        self.run()
        self.now = self.now + amount
        self.ring()
    }

    /// Lets time pass from timer to timer.
    func advanceThroughTimers(upTo limit: NIODeadline) {
        self.run()
        while let next = self.loops.compactMap(\.deadline).min(), next <= limit {
            self.now = max(self.now, next)
            self.ring()
        }
    }

    func shutDown() {
        self.run()
        for loop in self.loops {
            loop.cancelAll()
        }
        self.run()
    }

    func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self.random) < percent
    }

    func number(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &self.random)
    }

    func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.number(0...(elements.count - 1))]
    }

    private func ring() {
        for loop in self.loops.shuffled(using: &self.random) {
            loop.ring()
        }
        self.run()
    }
}
