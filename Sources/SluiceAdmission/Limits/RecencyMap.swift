/// A dictionary that knows in which order its entries were last renewed.
///
/// Every operation takes constant time. It has no bound of its own: its owner removes the oldest.
struct RecencyMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// The neighbours of an entry in the order of their renewal, by their slots.
    private struct Link {
        /// The entry renewed just before this one.
        var older: Int?
        /// The entry renewed just after this one.
        var newer: Int?
    }

    private var slots: [Key: Int] = [:]
    // By slot, in lists of their own: looking at a key takes no copy of its value.
    private var keys: [Key?] = []
    private var values: [Value?] = []
    private var links: [Link] = []
    private var freeSlots: [Int] = []
    private var oldestSlot: Int?
    private var newestSlot: Int?

    var count: Int { self.slots.count }

    /// The entry that was not renewed for longest.
    var oldest: (key: Key, value: Value)? {
        self.oldestSlot.flatMap { self.entry(at: $0) }
    }

    /// The first entries from the oldest on.
    func oldest(_ count: Int) -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        var slot = self.oldestSlot
        while entries.count < count, let place = slot, let entry = self.entry(at: place) {
            entries.append(entry)
            slot = self.links[place].newer
        }
        return entries
    }

    private func entry(at slot: Int) -> (key: Key, value: Value)? {
        guard let key = self.keys[slot], let value = self.values[slot] else {
            return nil
        }
        return (key, value)
    }

    /// The value of a key; not renewed by being read.
    subscript(key: Key) -> Value? {
        self.slots[key].flatMap { self.values[$0] }
    }

    /// The slot of a key.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - guess: Where it was the last time, which spares the search if it still is.
    /// - Returns: Nil if there is no such entry.
    func slot(of key: Key, guess: Int? = nil) -> Int? {
        if let guess, self.keys.indices.contains(guess), self.keys[guess] == key {
            return guess
        }
        return self.slots[key]
    }

    /// The value in a slot that ``slot(of:guess:)`` has named.
    func value(at slot: Int) -> Value? {
        self.values[slot]
    }

    /// Sets the value of a key, and makes it the newest entry.
    ///
    /// - Returns: The slot of its entry.
    @discardableResult
    mutating func renew(_ key: Key, _ value: Value) -> Int {
        if let known = self.slots[key] {
            self.renew(at: known, value)
            return known
        }
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
        } else {
            slot = self.keys.count
            self.keys.append(nil)
            self.values.append(nil)
            self.links.append(Link())
        }
        self.slots[key] = slot
        self.keys[slot] = key
        self.values[slot] = value
        self.link(slot)
        return slot
    }

    /// Sets the value in a slot that ``slot(of:guess:)`` has named, and makes its entry the newest.
    mutating func renew(at slot: Int, _ value: Value) {
        self.values[slot] = value
        if slot != self.newestSlot {
            self.unlink(slot)
            self.link(slot)
        }
    }

    /// Removes an entry.
    ///
    /// - Returns: Its value, if there was one.
    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        guard let slot = self.slots.removeValue(forKey: key) else {
            return nil
        }
        let value = self.values[slot]
        self.unlink(slot)
        self.keys[slot] = nil
        self.values[slot] = nil
        self.freeSlots.append(slot)
        return value
    }

    /// Removes every entry for which the answer is `true`.
    ///
    /// Takes time in proportion to their number.
    mutating func removeAll(where shouldRemove: (Value) -> Bool) {
        let keys = self.keys.indices.compactMap { slot in
            self.entry(at: slot).flatMap { shouldRemove($0.value) ? $0.key : nil }
        }
        for key in keys {
            self.remove(key)
        }
    }

    private mutating func link(_ slot: Int) {
        self.links[slot] = Link(older: self.newestSlot, newer: nil)
        if let newest = self.newestSlot {
            self.links[newest].newer = slot
        } else {
            self.oldestSlot = slot
        }
        self.newestSlot = slot
    }

    private mutating func unlink(_ slot: Int) {
        let link = self.links[slot]
        if let older = link.older {
            self.links[older].newer = link.newer
        } else {
            self.oldestSlot = link.newer
        }
        if let newer = link.newer {
            self.links[newer].older = link.older
        } else {
            self.newestSlot = link.older
        }
    }
}
