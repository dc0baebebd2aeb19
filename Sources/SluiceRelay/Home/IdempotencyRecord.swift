import DequeModule
package import NIOCore

/// The answers of one scan's requests that may be repeated, for a while.
///
/// Bounded in number and time.
package struct IdempotencyRecord: Sendable {
    /// How long an answer is remembered.
    package static let lifetime = TimeAmount.minutes(10)
    /// The most answers remembered for one scan; the oldest goes first.
    package static let maximumCount = 10_000

    /// What the record says of a request.
    package enum Verdict: Sendable, Equatable {
        /// Not seen before.
        case new
        /// Seen, with this answer.
        case known(IngestReceipt)
        /// Seen with another body.
        case conflict
    }

    private struct Answer: Sendable {
        var digest: [UInt8]
        var receipt: IngestReceipt
        var at: NIODeadline
    }

    private var answers: [String: Answer] = [:]
    private var order: Deque<(key: String, at: NIODeadline)> = []

    package init() {}

    /// The answers that an earlier process gave, oldest first.
    package init(restoring answers: [StoredAnswer], now: NIODeadline) {
        for answer in answers where answer.age < Self.lifetime {
            self.remember(answer.request, answer.receipt, now: now - answer.age)
        }
    }

    /// Looks a request up.
    package mutating func verdict(on request: IngestRequest.Idempotency, now: NIODeadline) -> Verdict {
        self.forget(now: now)
        guard let answer = self.answers[request.key] else {
            return .new
        }
        guard answer.digest == request.digest else {
            return .conflict
        }
        var receipt = answer.receipt
        receipt.isReplayed = true
        return .known(receipt)
    }

    /// Remembers the answer of a request that was taken.
    package mutating func remember(_ request: IngestRequest.Idempotency, _ receipt: IngestReceipt, now: NIODeadline) {
        self.answers[request.key] = Answer(digest: request.digest, receipt: receipt, at: now)
        self.order.append((request.key, now))
        if self.answers.count > Self.maximumCount, let oldest = self.order.popFirst() {
            self.answers[oldest.key] = nil
        }
    }

    private mutating func forget(now: NIODeadline) {
        while let oldest = self.order.first, oldest.at + Self.lifetime <= now {
            self.order.removeFirst()
            self.answers[oldest.key] = nil
        }
    }
}
