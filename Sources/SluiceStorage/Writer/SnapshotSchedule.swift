internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// When the folded state of each scan is written: a while after it changed, and when the scan completed.
struct SnapshotSchedule {
    private let interval: TimeAmount
    /// The most bytes of one.
    private let maximumBytes: Int
    /// Since when a scan's state is newer than its last snapshot.
    private var changedSince: [Int64: NIODeadline] = [:]
    private var completed: Set<Int64> = []

    init(interval: TimeAmount, maximumBytes: Int) {
        self.interval = interval
        self.maximumBytes = maximumBytes
    }

    mutating func changed(_ lives: Set<Int64>, completed: Set<Int64>, now: NIODeadline) {
        for life in lives where self.changedSince[life] == nil {
            self.changedSince[life] = now
        }
        self.completed.formUnion(completed)
    }

    /// Writes the snapshots that are due, up to one ``RetentionStep``.
    ///
    /// Returns by how many bytes the snapshots grow, and whether there is more to write.
    mutating func writeDue(
        at: WallTime,
        age: WallTime,
        now: NIODeadline,
        into db: Database
    ) throws -> (bytes: Int, hasMore: Bool) {
        let due = self.changedSince.filter { $0.value + self.interval <= now }.keys
        return try self.write(self.completed.union(due), at: at, age: age, into: db)
    }

    /// Writes a snapshot of each scan that changed, up to one ``RetentionStep``.
    ///
    /// Returns by how many bytes the snapshots grow, and whether there is more to write.
    mutating func writeAll(at: WallTime, age: WallTime, into db: Database) throws -> (bytes: Int, hasMore: Bool) {
        try self.write(self.completed.union(self.changedSince.keys), at: at, age: age, into: db)
    }

    private mutating func write(
        _ lives: Set<Int64>,
        at: WallTime,
        age: WallTime,
        into db: Database
    ) throws -> (bytes: Int, hasMore: Bool) {
        var step = RetentionStep()
        var written: [Int64] = []
        for life in lives where step.hasRoom {
            do {
                let bytes = self.maximumBytes
                step.took(bytes: try SnapshotRow.write(life, at: at, age: age, maximumBytes: bytes, into: db))
            } catch {
                // Not tried again before it changes: its part of the file may be damaged.
                self.forget(life)
                throw error
            }
            written.append(life)
        }
        for life in written {
            self.forget(life)
        }
        return (step.bytes, written.count < lives.count)
    }

    private mutating func forget(_ life: Int64) {
        self.changedSince[life] = nil
        self.completed.remove(life)
    }
}
