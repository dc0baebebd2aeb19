import DequeModule

/// Pages of catch-up that take time: read from the store, or compressed on another thread.
///
/// A page is made once for all readers that ask before it is finished. From start to hand-out it counts with its
/// largest size; beyond `maximumBytes` pages wait without holding any bytes, and scans take turns. The store and memory
/// have separate bounds, so that a stalled disk does not hold up pages from memory. A pure value; a job makes a page.
struct PageDesk<Job> {
    typealias Key = PageCache.Key

    /// The pages of one source.
    private struct Lane {
        var byteCount = 0
        var underWay: Set<Key> = []
        /// The pages that wait, by the epoch of their scan.
        var waiting: [String: Deque<(key: Key, job: Job)>] = [:]
        /// The epochs that wait, in order of their turns.
        var turns: Deque<String> = []

        mutating func add(_ key: Key, _ job: Job) {
            if self.waiting[key.epoch] == nil {
                self.turns.append(key.epoch)
            }
            self.waiting[key.epoch, default: []].append((key, job))
        }

        /// Removes a waiting page.
        mutating func remove(_ key: Key) {
            self.waiting[key.epoch]?.removeAll { $0.key == key }
            if self.waiting[key.epoch]?.isEmpty ?? false {
                self.waiting[key.epoch] = nil
                self.turns.removeAll { $0 == key.epoch }
            }
        }

        /// Removes the first page of the scan whose turn it is.
        mutating func takeTurn(of epoch: String) {
            self.turns.removeFirst()
            _ = self.waiting[epoch]?.popFirst()
            if self.waiting[epoch]?.isEmpty ?? true {
                self.waiting[epoch] = nil
            } else {
                self.turns.append(epoch)
            }
        }
    }

    /// The most bytes of pages being made for one home from each source; a single page may be larger.
    static var maximumBytes: Int { 4 * 1024 * 1024 }
    /// The least that a page counts: a single message may be larger than the size asked for.
    private static var leastBytes: Int { 16 * 1024 }

    private var stored = Lane()
    private var packed = Lane()
    private var readers: [Key: [SubscriptionID: Seq]] = [:]
    /// The one page that each reader waits for.
    private var keys: [SubscriptionID: Key] = [:]

    var readerCount: Int { self.keys.count }

    /// The bytes counted for the pages being made.
    var byteCount: Int { self.stored.byteCount + self.packed.byteCount }

    /// Adds a reader to those that wait for a page; the job is queued if the reader is the first.
    mutating func ask(_ reader: PageReader, for key: Key, _ job: Job) {
        self.leave(reader.id)
        self.keys[reader.id] = key
        let isNew = self.readers[key] == nil
        self.readers[key, default: [:]][reader.id] = reader.end
        if isNew {
            self[key].add(key, job)
        }
    }

    /// Removes a reader.
    mutating func leave(_ id: SubscriptionID) {
        guard let key = self.keys.removeValue(forKey: id) else {
            return
        }
        self.readers[key]?[id] = nil
        // A waiting page without readers is dropped now: while its source is stalled, its turn would not come.
        if !self.isWanted(key), !self[key].underWay.contains(key) {
            self[key].remove(key)
            self.readers[key] = nil
        }
    }

    var waitingCount: Int {
        [self.stored, self.packed].reduce(0) { $0 + $1.waiting.values.reduce(0) { $0 + $1.count } }
    }

    /// The next page to make; nil if none waits or the bound is reached.
    mutating func next() -> Job? {
        self.next(\.stored) ?? self.next(\.packed)
    }

    /// Whether any reader waits for a page.
    func isWanted(_ key: Key) -> Bool {
        !(self.readers[key]?.isEmpty ?? true)
    }

    /// Finishes a page, whether it was made or not.
    ///
    /// Returns its readers, in the order of their subscriptions.
    mutating func finish(_ key: Key) -> [PageReader] {
        guard self[key].underWay.remove(key) != nil else {
            return []
        }
        self[key].byteCount -= Self.cost(of: key)
        let readers = self.readers.removeValue(forKey: key) ?? [:]
        for id in readers.keys {
            self.keys[id] = nil
        }
        return readers.map { PageReader(id: $0.key, end: $0.value) }.sorted { $0.id.number < $1.id.number }
    }

    /// Drops the pages of a life that is over and has no readers; pages being made count until they are finished.
    mutating func remove(epoch: String) {
        for lane in [\Self.stored, \Self.packed] {
            for (key, _) in self[keyPath: lane].waiting.removeValue(forKey: epoch) ?? [] {
                self.forgetReaders(of: key)
                self.readers[key] = nil
            }
            self[keyPath: lane].turns.removeAll { $0 == epoch }
            for key in self[keyPath: lane].underWay where key.epoch == epoch {
                self.forgetReaders(of: key)
            }
        }
    }

    private subscript(_ key: Key) -> Lane {
        get { key.isStored ? self.stored : self.packed }
        _modify {
            if key.isStored {
                yield &self.stored
            } else {
                yield &self.packed
            }
        }
    }

    private mutating func next(_ lane: WritableKeyPath<Self, Lane>) -> Job? {
        while let epoch = self[keyPath: lane].turns.first, let first = self[keyPath: lane].waiting[epoch]?.first {
            guard self.isWanted(first.key) else {
                self[keyPath: lane].takeTurn(of: epoch)
                self.readers[first.key] = nil
                continue
            }
            let byteCount = self[keyPath: lane].byteCount
            let cost = Self.cost(of: first.key)
            guard byteCount == 0 || byteCount + cost <= Self.maximumBytes else {
                return nil
            }
            self[keyPath: lane].takeTurn(of: epoch)
            self[keyPath: lane].underWay.insert(first.key)
            self[keyPath: lane].byteCount += cost
            return first.job
        }
        return nil
    }

    private mutating func forgetReaders(of key: Key) {
        for id in self.readers[key]?.keys.map({ $0 }) ?? [] {
            self.keys[id] = nil
        }
        self.readers[key] = [:]
    }

    private static func cost(of key: Key) -> Int {
        max(key.maximumBytes, Self.leastBytes)
    }
}

/// A subscription that waits for a page.
struct PageReader: Equatable {
    var id: SubscriptionID
    var end: Seq
}
