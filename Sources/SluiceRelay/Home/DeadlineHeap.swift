import NIOCore

/// Keys and their deadlines: the next one is found at once, and each key again, to be set earlier or forgotten.
///
/// A key that is to be woken later than it is set for stays as it is: it is woken too soon, and set anew then. So under
/// a steady load nothing moves here.
struct DeadlineHeap<Key: Hashable> {
    private struct Entry {
        var key: Key
        var deadline: NIODeadline
    }

    /// A binary heap: the parent of each entry stands at half its place, and is not due later.
    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]

    /// How many are set.
    var count: Int { self.entries.count }

    /// When the next key is to be woken; nil where none is set.
    var next: NIODeadline? { self.entries.first?.deadline }

    /// Has a key woken at a deadline, or before.
    mutating func set(_ key: Key, at deadline: NIODeadline) {
        guard let place = self.places[key] else {
            self.entries.append(Entry(key: key, deadline: deadline))
            self.places[key] = self.entries.count - 1
            self.rise(self.entries.count - 1)
            return
        }
        if deadline < self.entries[place].deadline {
            self.entries[place].deadline = deadline
            self.rise(place)
        }
    }

    /// Forgets a key.
    mutating func remove(_ key: Key) {
        guard let place = self.places.removeValue(forKey: key) else {
            return
        }
        let last = self.entries.removeLast()
        guard place < self.entries.count else {
            return
        }
        self.entries[place] = last
        self.places[last.key] = place
        self.rise(place)
        self.sink(place)
    }

    /// Takes all whose time has come, the longest overdue first: one that is set anew meanwhile comes the next time.
    mutating func popAllDue(now: NIODeadline) -> [Key] {
        var due: [Key] = []
        while let key = self.popDue(now: now) {
            due.append(key)
        }
        return due
    }

    private mutating func popDue(now: NIODeadline) -> Key? {
        guard let first = self.entries.first, first.deadline <= now else {
            return nil
        }
        self.remove(first.key)
        return first.key
    }

    /// Forgets all.
    mutating func removeAll() {
        self.entries.removeAll()
        self.places.removeAll()
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.entries[place].deadline < self.entries[parent].deadline else {
                return
            }
            self.exchange(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < self.entries.count && self.entries[child].deadline < self.entries[least].deadline {
                least = child
            }
            guard least != place else {
                return
            }
            self.exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        self.entries.swapAt(one, other)
        self.places[self.entries[one].key] = one
        self.places[self.entries[other].key] = other
    }
}
