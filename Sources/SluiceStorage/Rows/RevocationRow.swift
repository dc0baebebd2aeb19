internal import GRDB
internal import SluiceAdmission
internal import SluiceBase

/// A revocation as a row of `revocations`, with either a token's id or a subject; the other one is empty.
enum RevocationRow {
    /// Keeps it; an earlier revocation of the same token or subject is never weakened.
    static func insert(_ kept: KeptRevocation, into db: Database) throws {
        let (tokenID, subject, issuedBefore): (String, String, Double?) =
            switch kept.revocation {
            case .tokenID(let tokenID): (tokenID.text, "", nil)
            case .subject(let subject, let issuedBefore): ("", subject.text, issuedBefore)
            }
        try db.execute(
            sql: """
                INSERT INTO revocations (token_id, subject, issued_before, kept_until) VALUES (?, ?, ?, ?)
                ON CONFLICT (token_id, subject) DO UPDATE SET
                    issued_before = max(issued_before, excluded.issued_before),
                    kept_until = max(kept_until, excluded.kept_until)
                """,
            arguments: [tokenID, subject, issuedBefore, kept.keptUntil]
        )
    }

    /// All that can be read.
    static func all(_ db: Database) throws -> [KeptRevocation] {
        try Row.fetchAll(db, sql: "SELECT token_id, subject, issued_before, kept_until FROM revocations")
            .compactMap { row in
                guard let tokenID = String.fromDatabaseValue(row[0]), let subject = String.fromDatabaseValue(row[1]),
                    let keptUntil = Double.fromDatabaseValue(row[3])
                else {
                    return nil
                }
                if !tokenID.isEmpty {
                    return KeptRevocation(.tokenID(ByteName(tokenID)), keptUntil: keptUntil)
                }
                guard !subject.isEmpty, let issuedBefore = Double.fromDatabaseValue(row[2]) else {
                    return nil
                }
                return KeptRevocation(.subject(ByteName(subject), issuedBefore: issuedBefore), keptUntil: keptUntil)
            }
    }
}
