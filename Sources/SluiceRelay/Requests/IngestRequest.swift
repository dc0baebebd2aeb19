package import SluiceBase

/// Messages of one request, or of one stretch of a stream, for one scan.
package struct IngestRequest: Sendable {
    /// Identifies a request that may be repeated, and its content.
    package struct Idempotency: Sendable, Equatable {
        package var key: String
        /// A digest of the body.
        package var digest: [UInt8]

        package init(key: String, digest: [UInt8]) {
            self.key = key
            self.digest = digest
        }
    }

    package var scanID: ScanID
    package var messages: [Message]
    /// When they came.
    package var at: WallTime
    /// The scan's owner, if the producer gives one.
    package var owner: String?
    package var idempotency: Idempotency?
    /// The stream that it is a stretch of, if it is one.
    package var stream: IngestStream?

    package init(
        scanID: ScanID,
        messages: [Message],
        at: WallTime,
        owner: String? = nil,
        idempotency: Idempotency? = nil
    ) {
        self.scanID = scanID
        self.messages = messages
        self.at = at
        self.owner = owner
        self.idempotency = idempotency
    }
}

/// The result of an ingest request that was taken.
package struct IngestReceipt: Sendable, Equatable {
    package var acceptedCount: Int
    /// The seqs given, where there were messages.
    package var seqs: ClosedRange<Seq>?
    /// Whether this is the answer of an earlier request with the same key.
    package var isReplayed = false

    package init(acceptedCount: Int, seqs: ClosedRange<Seq>?) {
        self.acceptedCount = acceptedCount
        self.seqs = seqs
    }
}
