/// A dictionary that knows in which order its entries were last renewed.
///
/// Every operation takes constant time. It has no bound of its own: its owner removes the oldest.
struct RecencyMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node {
        var key: Key
        var value: Value
        /// The slot of the entry renewed just before this one.
        var older: Int?
        /// The slot of the entry renewed just after this one.
        var newer: Int?
    }

    private var slots: [Key: Int] = [:]
    private var nodes: [Node?] = []
    private var freeSlots: [Int] = []
    private var oldestSlot: Int?
    private var newestSlot: Int?

    var count: Int { self.slots.count }

    /// The entry that was not renewed for longest.
    var oldest: (key: Key, value: Value)? {
        self.oldestSlot.flatMap { self.nodes[$0] }.map { ($0.key, $0.value) }
    }

    /// The first entries from the oldest on.
    func oldest(_ count: Int) -> [(key: Key, value: Value)] {
        var entries: [(key: Key, value: Value)] = []
        var slot = self.oldestSlot
        while entries.count < count, let node = slot.flatMap({ self.nodes[$0] }) {
            entries.append((node.key, node.value))
            slot = node.newer
        }
        return entries
    }

    /// The value of a key; not renewed by being read.
    subscript(key: Key) -> Value? {
        self.slots[key].flatMap { self.nodes[$0]?.value }
    }

    /// Sets the value of a key, and makes it the newest entry.
    mutating func renew(_ key: Key, _ value: Value) {
        let slot: Int
        if let known = self.slots[key] {
            guard known != self.newestSlot else {
                self.nodes[known]?.value = value
                return
            }
            self.unlink(known)
            slot = known
        } else {
            if let free = self.freeSlots.popLast() {
                slot = free
            } else {
                slot = self.nodes.count
                self.nodes.append(nil)
            }
            self.slots[key] = slot
        }
        self.nodes[slot] = Node(key: key, value: value, older: self.newestSlot, newer: nil)
        if let newest = self.newestSlot {
            self.nodes[newest]?.newer = slot
        } else {
            self.oldestSlot = slot
        }
        self.newestSlot = slot
    }

    /// Removes an entry.
    ///
    /// - Returns: Its value, if there was one.
    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        guard let slot = self.slots.removeValue(forKey: key) else {
            return nil
        }
        let value = self.nodes[slot]?.value
        self.unlink(slot)
        self.nodes[slot] = nil
        self.freeSlots.append(slot)
        return value
    }

    /// Removes every entry for which the answer is `true`.
    ///
    /// Takes time in proportion to their number.
    mutating func removeAll(where shouldRemove: (Value) -> Bool) {
        let keys = self.nodes.compactMap { node in
            node.flatMap { shouldRemove($0.value) ? $0.key : nil }
        }
        for key in keys {
            self.remove(key)
        }
    }

    private mutating func unlink(_ slot: Int) {
        guard let node = self.nodes[slot] else {
            return
        }
        if let older = node.older {
            self.nodes[older]?.newer = node.newer
        } else {
            self.oldestSlot = node.newer
        }
        if let newer = node.newer {
            self.nodes[newer]?.older = node.older
        } else {
            self.newestSlot = node.older
        }
    }
}
