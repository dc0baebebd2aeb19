package import NIOCore

/// The part of a stored log that memory needs to continue it.
package struct StoredLog: Sendable {
    package var tail: StoredTail
    /// Answers that may still be asked for again, oldest first.
    package var answers: [StoredAnswer]

    package init(tail: StoredTail, answers: [StoredAnswer]) {
        self.tail = tail
        self.answers = answers
    }
}

/// The part of a log that a store gives so that memory can continue it.
package struct StoredTail: Sendable {
    /// The newest messages, every critical one, and of each conflated type and key the newest, by seq.
    package var entries: [LogEntry]
    /// Every ordinary message after this seq is in `entries`.
    package var evictedThrough: Seq
    /// How many messages of each type were posted.
    package var counts: [String: Int]

    package init(entries: [LogEntry], evictedThrough: Seq, counts: [String: Int]) {
        self.entries = entries
        self.evictedThrough = evictedThrough
        self.counts = counts
    }
}

/// The answer of a request that may be repeated, as a store keeps it.
package struct StoredAnswer: Sendable, Equatable {
    package var request: IngestRequest.Idempotency
    package var receipt: IngestReceipt
    /// How long ago it was given.
    package var age: TimeAmount

    package init(request: IngestRequest.Idempotency, receipt: IngestReceipt, age: TimeAmount) {
        self.request = request
        self.receipt = receipt
        self.age = age
    }
}
