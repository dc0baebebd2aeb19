internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// What one transaction does, and what is to be told when it is done.
struct CommitGroup {
    private struct Touch {
        var head: Seq
        var at: WallTime
        var isHeard: Bool
        var counts: [String: Int] = [:]
    }

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
    private var erasures: [Int: Bool] = [:]
    private var touches: [Int64: Touch] = [:]
    private var place = -1

    init(known: Set<Int64>) {
        self.known = known
    }

    mutating func apply(_ job: StoreJob, to db: Database) throws {
        self.place += 1
        switch job {
        case .write(let write, let at, _):
            try self.apply(write, at: at, to: db)
        case .revocation(let revocation, _):
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO revocations (token_id, subject, issued_before, kept_until)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    revocation.tokenID ?? "", revocation.subject ?? "", revocation.issuedBefore, revocation.keptUntil,
                ]
            )
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

    /// What all jobs together say of each scan.
    func finish(_ db: Database) throws {
        for (life, touch) in self.touches {
            let scan = try db.cachedStatement(
                sql: """
                    UPDATE scans SET head = max(head, ?2), heard_at = iif(?4, max(heard_at, ?3), heard_at)
                    WHERE life = ?1
                    """
            )
            scan.setUncheckedArguments([life, Int64(touch.head.rawValue), touch.at.milliseconds, touch.isHeard])
            try scan.execute()
            for (type, count) in touch.counts {
                let statement = try db.cachedStatement(
                    sql: "INSERT OR REPLACE INTO counts (life, type, count) VALUES (?, ?, ?)"
                )
                statement.setUncheckedArguments([life, type, count])
                try statement.execute()
            }
        }
    }

    /// The transaction is durable.
    func keepPromises(of jobs: [StoreJob]) {
        for (place, job) in jobs.enumerated() where !self.refused.contains(place) {
            switch job {
            case .write(_, _, let promise), .revocation(_, let promise):
                promise?.succeed()
            case .erase(_, let promise):
                promise.succeed(self.erasures[place] ?? false)
            }
        }
    }

    private mutating func apply(_ write: StoreWrite, at: WallTime, to db: Database) throws {
        if let header = write.header {
            try ScanRow.write(header, write, at: at, into: db)
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
        for entry in write.entries {
            try MessageRow.insert(entry, life: write.life, into: db)
        }
        for seq in write.superseded {
            let statement = try db.cachedStatement(sql: "DELETE FROM messages WHERE key = ?")
            statement.setUncheckedArguments([MessageKey.key(write.life, seq)])
            try statement.execute()
        }
        for answer in write.answers {
            try AnswerRow.insert(answer, life: write.life, at: at, into: db)
        }
        var touch = self.touches[write.life] ?? Touch(head: write.head, at: at, isHeard: false)
        touch.head = max(touch.head, write.head)
        touch.at = at
        touch.isHeard = touch.isHeard || write.isHeard
        for count in write.counts {
            touch.counts[count.type] = count.count
        }
        self.touches[write.life] = touch
        if !write.entries.isEmpty {
            self.changed.insert(write.life)
        }
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
