internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// Which scans' folded state is to be written down when: a while after it changed, and when the scan completed.
struct SnapshotSchedule {
    /// The most snapshots in one step.
    private static let maximumStepCount = 500

    private let interval: UInt64
    /// Since when a scan's state is newer than its last snapshot, by the monotonic clock.
    private var changedSince: [Int64: UInt64] = [:]
    private var completed: Set<Int64> = []

    init(interval: TimeAmount) {
        self.interval = UInt64(interval.nanoseconds)
    }

    mutating func changed(_ lives: Set<Int64>, completed: Set<Int64>, now: UInt64) {
        for life in lives where self.changedSince[life] == nil {
            self.changedSince[life] = now
        }
        self.completed.formUnion(completed)
    }

    /// Writes what is due.
    mutating func writeDue(at: WallTime, now: UInt64, into db: Database) throws {
        let due = self.changedSince.filter { $0.value + self.interval <= now }.keys
        try self.write(self.completed.union(due).prefix(Self.maximumStepCount), at: at, into: db)
    }

    /// Writes everything that changed.
    mutating func writeAll(at: WallTime, into db: Database) throws {
        try self.write(self.completed.union(self.changedSince.keys), at: at, into: db)
    }

    private mutating func write(_ lives: some Sequence<Int64>, at: WallTime, into db: Database) throws {
        var written: [Int64] = []
        for life in lives {
            do {
                try SnapshotRow.write(life, at: at, into: db)
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
    }

    private mutating func forget(_ life: Int64) {
        self.changedSince[life] = nil
        self.completed.remove(life)
    }
}
