import DequeModule
package import NIOCore
import Synchronization

/// The answers of requests that may be repeated, of all scans, for a while: bounded in number and time.
///
/// All homes share it, so that the bound is one; a request with a key takes its lock, others do not.
package final class IdempotencyBook: Sendable {
    /// How long an answer is remembered.
    package static let lifetime = TimeAmount.minutes(10)
    /// The most answers of one scan that are taken over from a store; the newest ones.
    package static let maximumRestoredCount = 10_000

    /// The book's answer about a request.
    package enum Verdict: Sendable, Equatable {
        /// Not seen before.
        case new
        /// Seen, with this answer.
        case known(IngestReceipt)
        /// Seen with another body.
        case conflict
    }

    /// A request: of one life of a scan, so that a scan of the same name that comes later has answers of its own.
    fileprivate struct Name: Hashable {
        var epoch: String
        var key: String
    }

    fileprivate struct Answer {
        var digest: [UInt8]
        var receipt: IngestReceipt
        var at: NIODeadline
    }

    fileprivate struct State {
        var maximumCount: Int
        var forgottenCount = 0
        var answers: [Name: Answer] = [:]
        /// In the order in which they were written down.
        ///
        /// One from a store may be older than the one before it, and leaves with that.
        var order: Deque<(name: Name, at: NIODeadline)> = []
    }

    private let state: Mutex<State>

    /// An empty book.
    ///
    /// - Parameter maximumCount: The most answers remembered; beyond it the oldest go early.
    package init(maximumCount: Int) {
        self.state = Mutex(State(maximumCount: maximumCount))
    }

    /// How many answers are remembered.
    package var count: Int { self.state.withLock { $0.answers.count } }

    /// How many were forgotten before their time, for lack of room.
    package var forgottenCount: Int { self.state.withLock { $0.forgottenCount } }

    /// Changes how many answers are remembered, from now on.
    package func setMaximumCount(_ count: Int) {
        self.state.withLock { state in
            state.maximumCount = count
            state.makeRoom()
        }
    }

    /// Looks a request up.
    package func verdict(on request: IngestRequest.Idempotency, epoch: String, now: NIODeadline) -> Verdict {
        self.state.withLock { state in
            state.forget(now: now)
            guard let answer = state.answers[Name(epoch: epoch, key: request.key)], answer.at + Self.lifetime > now
            else {
                return .new
            }
            guard answer.digest == request.digest else {
                return .conflict
            }
            var receipt = answer.receipt
            receipt.isReplayed = true
            return .known(receipt)
        }
    }

    /// Remembers the answer of a request that was taken.
    ///
    /// - Parameters:
    ///   - request: What names the request.
    ///   - receipt: The answer.
    ///   - epoch: The life of the scan.
    ///   - at: When it was given; nil for now.
    ///   - now: The loop's time.
    package func remember(
        _ request: IngestRequest.Idempotency,
        _ receipt: IngestReceipt,
        epoch: String,
        at: NIODeadline? = nil,
        now: NIODeadline
    ) {
        self.state.withLock { state in
            state.forget(now: now)
            state.add(request, receipt, epoch: epoch, at: at ?? now)
        }
    }

    /// Takes over the answers that an earlier process gave for a scan, oldest first.
    package func restore(_ answers: [StoredAnswer], epoch: String, now: NIODeadline) {
        self.state.withLock { state in
            for answer in answers where answer.age < Self.lifetime {
                state.add(answer.request, answer.receipt, epoch: epoch, at: now - answer.age)
            }
        }
    }
}

extension IdempotencyBook.State {
    fileprivate mutating func add(
        _ request: IngestRequest.Idempotency,
        _ receipt: IngestReceipt,
        epoch: String,
        at: NIODeadline
    ) {
        let name = IdempotencyBook.Name(epoch: epoch, key: request.key)
        self.answers[name] = IdempotencyBook.Answer(digest: request.digest, receipt: receipt, at: at)
        self.order.append((name, at))
        self.makeRoom()
    }

    fileprivate mutating func makeRoom() {
        while self.answers.count > self.maximumCount, self.removeOldest() {
            self.forgottenCount += 1
        }
    }

    fileprivate mutating func forget(now: NIODeadline) {
        while let oldest = self.order.first, oldest.at + IdempotencyBook.lifetime <= now {
            _ = self.removeOldest()
        }
    }

    private mutating func removeOldest() -> Bool {
        guard let oldest = self.order.popFirst() else {
            return false
        }
        // A key that was used anew after its time stands there twice.
        if self.answers[oldest.name]?.at == oldest.at {
            self.answers[oldest.name] = nil
        }
        return true
    }
}
