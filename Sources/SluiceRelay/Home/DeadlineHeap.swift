import NIOCore

/// Keys and their deadlines: the next one due is found in constant time, and a key can be set earlier or removed.
///
/// Setting a key later than it is set for changes nothing: it wakes too early, and is set again then. Under a steady
/// load nothing moves in the heap.
struct DeadlineHeap<Key: Hashable> {
    private struct Entry {
        var key: Key
        var deadline: NIODeadline
    }

    /// A binary heap: the parent of entry `i` is `(i - 1) / 2`, and is never due later.
    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]

    var count: Int { self.entries.count }

    /// The earliest deadline; nil where none is set.
    var next: NIODeadline? { self.entries.first?.deadline }

    /// Wakes a key at a deadline or earlier.
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

    /// Removes all keys that are due, the longest overdue first; a key set again meanwhile comes the next time.
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
