internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The answer of a request that may be repeated, as a row of `answers`.
enum AnswerRow {
    /// The counted size of a row besides its key.
    private static let overheadBytes = 150

    /// Writes an answer.
    ///
    /// Returns by how much its scan grows.
    static func insert(
        _ answer: StoredAnswer,
        life: Int64,
        at: WallTime,
        age: WallTime,
        into db: Database
    ) throws -> StoreTotals {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO answers (life, key, digest, at, accepted, first_seq, last_seq, age)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        statement.setUncheckedArguments([
            life, answer.request.key, Data(answer.request.digest), at.milliseconds, answer.receipt.acceptedCount,
            answer.receipt.seqs.map { Int64($0.lowerBound.rawValue) },
            answer.receipt.seqs.map { Int64($0.upperBound.rawValue) }, age.milliseconds,
        ])
        try statement.execute()
        return StoreTotals(answerBytes: answer.request.key.utf8.count + Self.overheadBytes)
    }

    /// The counted size of all answers, or of those of one life.
    static func bytes(of life: Int64? = nil, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db,
            sql: """
                SELECT ifnull(sum(length(key) + \(Self.overheadBytes)), 0) FROM answers
                \(life == nil ? "" : "WHERE life = ?")
                """,
            arguments: life.map { [$0] } ?? []
        ) ?? 0
    }

    /// Deletes the oldest answers: those from before a time, as many as go in one step.
    ///
    /// Returns how many bytes they counted.
    static func deleteOldest(before age: Int64 = .max, _ step: RetentionStep, _ db: Database) throws -> Int {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT life, key, length(key) + \(Self.overheadBytes) FROM answers WHERE age < ? ORDER BY age LIMIT ?
                """,
            arguments: [age, RetentionStep.maximumCount]
        )
        var step = step
        let statement = try db.cachedStatement(sql: "DELETE FROM answers WHERE life = ? AND key = ?")
        for row in rows where step.hasRoom {
            try statement.execute(arguments: [row[0] as DatabaseValue, row[1] as DatabaseValue])
            step.took(bytes: Int.fromDatabaseValue(row[2]) ?? 0)
        }
        return step.bytes
    }

    /// The answers of a log that memory would still have, oldest first.
    static func answers(_ db: Database, life: Int64, age: WallTime) throws -> [StoredAnswer] {
        let since = age.milliseconds - IdempotencyBook.lifetime.nanoseconds / 1_000_000
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT key, digest, age, accepted, first_seq, last_seq FROM answers WHERE life = ? AND age > ?
                ORDER BY age DESC LIMIT ?
                """,
            arguments: [life, since, IdempotencyBook.maximumRestoredCount]
        )
        return rows.reversed()
            .compactMap { row in
                guard let key = String.fromDatabaseValue(row[0]), let digest = Data.fromDatabaseValue(row[1]),
                    let givenAt = Int64.fromDatabaseValue(row[2]), let accepted = Int.fromDatabaseValue(row[3])
                else {
                    return nil
                }
                var seqs: ClosedRange<Seq>?
                if let first = Int64.fromDatabaseValue(row[4]), let last = Int64.fromDatabaseValue(row[5]),
                    first > 0, first <= last
                {
                    seqs = Seq(clamping: first)...Seq(clamping: last)
                }
                return StoredAnswer(
                    request: IngestRequest.Idempotency(key: key, digest: [UInt8](digest)),
                    receipt: IngestReceipt(acceptedCount: accepted, seqs: seqs),
                    age: age.since(givenAt)
                )
            }
    }
}
