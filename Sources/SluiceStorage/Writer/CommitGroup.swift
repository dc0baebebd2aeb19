internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The jobs of one transaction, and their results.
struct CommitGroup {
    private struct Touch {
        var head: Seq
        var at: WallTime
        var isHeard = false
        var hasOrdinary = false
        var growth = StoreTotals()
        var counts: [String: Int] = [:]
        var fold: [UInt8]?
    }

    /// The counted size of a type besides its name.
    static let countBytes = 50

    /// When it is, for the messages' age.
    private let age: WallTime
    /// Lives that have a row in `scans`.
    private(set) var known: Set<Int64>
    /// Jobs that could not be done, by their place.
    private(set) var refused: Set<Int> = []
    /// Lives whose state changed, and those of them that completed.
    private(set) var changed: Set<Int64> = []
    private(set) var completed: Set<Int64> = []
    /// Lives that give out no more numbers.
    private(set) var removed: Set<Int64> = []
    /// Whether something is to be deleted.
    private(set) var erased = false
    /// By how much the store grows.
    private(set) var growth = StoreTotals()
    /// How many bytes the lives hold that grow.
    private(set) var sizes: [Int64: Int] = [:]
    private var erasures: [Int: Bool] = [:]
    private var touches: [Int64: Touch] = [:]
    private var place = -1

    init(known: Set<Int64>, age: WallTime) {
        self.known = known
        self.age = age
    }

    mutating func apply(_ job: StoreJob, to db: Database) throws {
        self.place += 1
        switch job {
        case .write(let write, let at, _):
            try self.apply(write, at: at, to: db)
        case .revocation(let revocation, _):
            try RevocationRow.insert(revocation, into: db)
        case .hookDone(let delivery):
            try HookRow.delete(delivery, from: db)
        case .erase(let id, _):
            let lives = try Int64.fetchAll(
                db,
                sql: "UPDATE scans SET is_erased = 1 WHERE scan_id = ? AND is_erased = 0 RETURNING life",
                arguments: [id.text]
            )
            self.erasures[self.place] = !lives.isEmpty
            self.removed.formUnion(lives)
            self.erased = true
        }
    }

    /// The changes of each scan by all jobs together.
    mutating func finish(_ db: Database) throws {
        for (life, touch) in self.touches {
            var growth = touch.growth
            for (type, count) in touch.counts where try self.write(count, of: type, life, db) {
                growth.keptBytes += type.utf8.count + Self.countBytes
            }
            self.growth += growth
            let scan = try db.cachedStatement(
                sql: """
                    UPDATE scans SET
                        head = max(head, ?2), heard_at = iif(?4, max(heard_at, ?3), heard_at),
                        heard_age = iif(?4, ?5, heard_age), oldest_age = ifnull(oldest_age, iif(?6, ?5, NULL)),
                        ordinary_bytes = ordinary_bytes + ?7, kept_bytes = max(0, kept_bytes + ?8),
                        fold = ifnull(?9, fold)
                    WHERE life = ?1
                    RETURNING ordinary_bytes + kept_bytes
                    """
            )
            self.sizes[life] = try Int.fetchOne(
                scan,
                arguments: [
                    life, Int64(touch.head.rawValue), touch.at.milliseconds, touch.isHeard, self.age.milliseconds,
                    touch.hasOrdinary, growth.ordinaryBytes, growth.keptBytes, touch.fold.map { Data($0) },
                ]
            )
        }
    }

    /// The transaction is durable.
    func keepPromises(of jobs: [StoreJob]) {
        for (place, job) in jobs.enumerated() where !self.refused.contains(place) {
            switch job {
            case .write(_, _, let promise):
                promise?.succeed()
            case .revocation(_, let done):
                done(nil)
            case .hookDone:
                break
            case .erase(_, let promise):
                promise.succeed(self.erasures[place] ?? false)
            }
        }
    }

    private mutating func apply(_ write: StoreWrite, at: WallTime, to db: Database) throws {
        if let header = write.header {
            try ScanRow.write(header, write, at: at, age: self.age, into: db)
            self.known.insert(write.life)
            if header.isCompleted {
                self.completed.insert(write.life)
            }
            if header.isRemoved {
                self.removed.insert(write.life)
            }
        } else if try !self.isKnown(write.life, db) {
            self.refused.insert(self.place)
            return
        }
        var touch = self.touches[write.life] ?? Touch(head: write.head, at: at)
        for entry in write.entries {
            touch.growth += try MessageRow.insert(entry, life: write.life, age: self.age, into: db)
            touch.hasOrdinary = touch.hasOrdinary || entry.message.fate == .ordinary
        }
        for answer in write.answers {
            touch.growth += try AnswerRow.insert(answer, life: write.life, at: at, age: self.age, into: db)
        }
        for delivery in write.deliveries {
            try HookRow.insert(delivery, into: db)
        }
        touch.head = max(touch.head, write.head)
        touch.at = at
        touch.isHeard = touch.isHeard || write.isHeard
        touch.fold = write.fold ?? touch.fold
        for count in write.counts {
            touch.counts[count.type] = count.count
        }
        self.touches[write.life] = touch
        if !write.entries.isEmpty {
            self.changed.insert(write.life)
        }
    }

    /// Returns whether the type is new.
    private func write(_ count: Int, of type: String, _ life: Int64, _ db: Database) throws -> Bool {
        let update = try db.cachedStatement(sql: "UPDATE counts SET count = ?3 WHERE life = ?1 AND type = ?2")
        update.setUncheckedArguments([life, type, count])
        try update.execute()
        guard db.changesCount == 0 else {
            return false
        }
        let insert = try db.cachedStatement(sql: "INSERT INTO counts (life, type, count) VALUES (?1, ?2, ?3)")
        insert.setUncheckedArguments([life, type, count])
        try insert.execute()
        return true
    }

    private mutating func isKnown(_ life: Int64, _ db: Database) throws -> Bool {
        if self.known.contains(life) {
            return true
        }
        guard try Bool.fetchOne(db, sql: "SELECT 1 FROM scans WHERE life = ?", arguments: [life]) ?? false else {
            return false
        }
        self.known.insert(life)
        return true
    }
}
