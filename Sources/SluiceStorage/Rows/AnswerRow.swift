internal import Foundation
internal import GRDB
internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The answer of a request that may be repeated, as a row of `answers`.
enum AnswerRow {
    static func insert(_ answer: StoredAnswer, life: Int64, at: WallTime, into db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO answers (life, key, digest, at, accepted, first_seq, last_seq)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        )
        statement.setUncheckedArguments([
            life, answer.request.key, Data(answer.request.digest), at.milliseconds, answer.receipt.acceptedCount,
            answer.receipt.seqs.map { Int64($0.lowerBound.rawValue) },
            answer.receipt.seqs.map { Int64($0.upperBound.rawValue) },
        ])
        try statement.execute()
    }

    /// The answers of a log that memory would still have, oldest first.
    static func answers(_ db: Database, life: Int64, now: WallTime) throws -> [StoredAnswer] {
        let since = now.milliseconds - IdempotencyRecord.lifetime.nanoseconds / 1_000_000
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT key, digest, at, accepted, first_seq, last_seq FROM answers WHERE life = ? AND at > ?
                ORDER BY at DESC LIMIT ?
                """,
            arguments: [life, since, IdempotencyRecord.maximumCount]
        )
        return rows.reversed()
            .compactMap { row in
                guard let key = String.fromDatabaseValue(row[0]), let digest = Data.fromDatabaseValue(row[1]),
                    let at = Int64.fromDatabaseValue(row[2]), let accepted = Int.fromDatabaseValue(row[3])
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
                    age: now.since(at)
                )
            }
    }
}
