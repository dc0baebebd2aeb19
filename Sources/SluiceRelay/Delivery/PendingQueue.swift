import DequeModule
import NIOCore

/// The messages that wait for the next frame of a group: conflated, bounded, in the order of their seqs.
struct PendingQueue: Sendable {
    /// The next item of a flush.
    enum Item: Sendable {
        case entry(LogEntry, arrivedAt: NIODeadline)
        /// A state message that a newer one of its key replaced.
        case superseded
        /// This many messages at this place are lost to the group.
        case lost(count: Int, LagNotice.Reason)
    }

    /// Looks for the oldest message of a fate that may be given up, and never at the same place twice.
    private struct Sweep: Sendable {
        let fate: Fate
        /// No message of the fate stands before this absolute index.
        var next = 0
        /// The absolute index of the last loss, if no message stands between it and `next`.
        var openLoss: Int?
    }

    /// How many messages wait.
    private(set) var count = 0
    /// How many bytes they have.
    private(set) var bytes = 0

    private var items: Deque<Item> = []
    /// The absolute index of `items.first`; places in the queue keep their number while it moves.
    private var base = 0
    private var places: [ConflationKey: Int] = [:]
    private var ordinary = Sweep(fate: .ordinary)
    private var state = Sweep(fate: .conflated)
    private var supersededCount = 0
    /// How many of the items are losses.
    private var lossCount = 0

    var isEmpty: Bool { self.items.isEmpty }

    /// Whether something that stood here is lost.
    var hasLoss: Bool { self.lossCount > 0 }

    /// When the oldest waiting message came.
    var oldestArrival: NIODeadline? {
        for item in self.items {
            if case .entry(_, let arrivedAt) = item {
                return arrivedAt
            }
        }
        return nil
    }

    /// Adds a message; of a conflated key only the newest stays.
    ///
    /// Returns whether one was superseded.
    mutating func append(_ entry: LogEntry, now: NIODeadline) -> Bool {
        var superseded = false
        if let key = entry.message.conflationKey {
            if let place = self.places.updateValue(self.base + self.items.count, forKey: key) {
                self.supersede(place)
                superseded = true
            }
        }
        self.items.append(.entry(entry, arrivedAt: now))
        self.count += 1
        self.bytes += entry.message.byteCount
        if self.supersededCount > 64, self.supersededCount > 2 * self.count {
            self.compact()
        }
        return superseded
    }

    /// Takes the next thing to send.
    mutating func popFirst() -> Item? {
        guard let item = self.items.popFirst() else {
            return nil
        }
        self.base += 1
        if case .entry(let entry, _) = item {
            self.count -= 1
            self.bytes -= entry.message.byteCount
            if let key = entry.message.conflationKey, self.places[key] == self.base - 1 {
                self.places[key] = nil
            }
        } else if case .lost = item {
            self.lossCount -= 1
        }
        self.trim()
        return item
    }

    /// The message that `popFirst` would give, without taking it; never a superseded one.
    var first: Item? { self.items.first }

    /// Notes that messages are lost which never came here, after those that wait.
    mutating func appendLost(count: Int, _ reason: LagNotice.Reason) {
        self.items.append(.lost(count: count, reason))
        self.lossCount += 1
    }

    /// Gives up the oldest ordinary message, or where there is none the oldest state, and leaves a mark in its place.
    ///
    /// Returns whether there was one: critical messages are not given up.
    mutating func skipOldest() -> Bool {
        var sweep = self.ordinary
        let isOrdinary = self.skipOldest(&sweep)
        self.ordinary = sweep
        guard !isOrdinary else {
            return true
        }
        sweep = self.state
        let isState = self.skipOldest(&sweep)
        self.state = sweep
        return isState
    }

    private mutating func skipOldest(_ sweep: inout Sweep) -> Bool {
        sweep.next = max(sweep.next, self.base)
        sweep.openLoss = sweep.openLoss.flatMap { $0 < self.base ? nil : $0 }
        while sweep.next < self.base + self.items.count {
            let place = sweep.next
            sweep.next += 1
            switch self.items[place - self.base] {
            case .entry(let entry, _) where entry.message.fate == sweep.fate:
                self.lose(place, entry, with: sweep.openLoss)
                sweep.openLoss = sweep.openLoss ?? place
                return true
            case .entry:
                sweep.openLoss = nil
            case .lost(_, .overflow):
                sweep.openLoss = place
            case .lost, .superseded:
                break
            }
        }
        return false
    }

    /// Turns a message into a loss, or into a part of the loss before it.
    private mutating func lose(_ place: Int, _ entry: LogEntry, with open: Int?) {
        self.count -= 1
        self.bytes -= entry.message.byteCount
        if let key = entry.message.conflationKey {
            self.places[key] = nil
        }
        if let open, case .lost(let count, let reason) = self.items[open - self.base] {
            self.items[open - self.base] = .lost(count: count + 1, reason)
            self.items[place - self.base] = .superseded
            self.supersededCount += 1
        } else {
            self.items[place - self.base] = .lost(count: 1, .overflow)
            self.lossCount += 1
        }
    }

    private mutating func supersede(_ place: Int) {
        guard place >= self.base, case .entry(let entry, _) = self.items[place - self.base] else {
            return
        }
        self.items[place - self.base] = .superseded
        self.supersededCount += 1
        self.count -= 1
        self.bytes -= entry.message.byteCount
        self.trim()
    }

    /// Superseded messages never stand first, so looking at the front is cheap.
    private mutating func trim() {
        while case .superseded? = self.items.first {
            self.items.removeFirst()
            self.base += 1
            self.supersededCount -= 1
        }
    }

    /// Closes the holes that superseded messages left, once they are most of the queue.
    private mutating func compact() {
        var kept: Deque<Item> = []
        kept.reserveCapacity(self.items.count - self.supersededCount)
        self.places.removeAll(keepingCapacity: true)
        for item in self.items {
            switch item {
            case .superseded:
                continue
            case .entry(let entry, _):
                if let key = entry.message.conflationKey {
                    self.places[key] = self.base + kept.count
                }
            case .lost(let count, let reason):
                if case .lost(let before, reason)? = kept.last {
                    kept[kept.count - 1] = .lost(count: before + count, reason)
                    self.lossCount -= 1
                    continue
                }
            }
            kept.append(item)
        }
        self.items = kept
        self.supersededCount = 0
        (self.ordinary, self.state) = (Sweep(fate: .ordinary), Sweep(fate: .conflated))
    }
}
