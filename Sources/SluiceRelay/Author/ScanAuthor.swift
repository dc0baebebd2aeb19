package import NIOCore
package import SluiceBase

/// Decides what a request does to a scan, and writes it down as a record.
///
/// It judges at a standing and changes nothing: a record takes effect once it is applied, and if another record came in
/// between, the same request is judged again after that one. It knows no event loop, no store and no subscriber. The
/// answers that it looks up are those of applied records.
package struct ScanAuthor: Sendable {
    /// The verdict on a request with messages.
    package enum Verdict: Sendable {
        /// It does this, and its producer gets the receipt.
        case record(LogRecord, IngestReceipt)
        /// It does nothing: it came before, with this answer, or there is nothing to be done.
        case known(IngestReceipt)
        case refused(RelayRefusal)
    }

    private let answers: IdempotencyBook
    private let maximumSeq: Seq

    /// - Parameters:
    ///   - answers: The answers of requests that may be repeated.
    ///   - maximumSeq: The greatest number that a message may have.
    package init(answers: IdempotencyBook, maximumSeq: Seq) {
        self.answers = answers
        self.maximumSeq = maximumSeq
    }

    /// Whether a request makes a scan where there is none: a mere sign of life does not.
    package static func opens(_ request: IngestRequest) -> Bool {
        !request.messages.isEmpty
    }

    /// Judges a request with messages, or with none as a sign of life.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - standing: The scan's standing; nil if it does not exist and there is no room for another.
    ///   - now: The loop's time.
    /// - Returns: The record and the answer to the producer, or the reason why there is none.
    package func judge(_ request: IngestRequest, at standing: ScanStanding?, now: NIODeadline) -> Verdict {
        guard let standing else {
            return Self.opens(request)
                ? .refused(.tooManyScans) : .known(IngestReceipt(acceptedCount: 0, seqs: nil))
        }
        guard !Self.isOwnedByAnother(standing, than: request.owner) else {
            return .refused(.ownerConflict)
        }
        let count = request.messages.count
        guard standing.head.distance(to: self.maximumSeq) >= count else {
            return .refused(.noMoreNumbers)
        }
        if let idempotency = request.idempotency {
            switch self.answers.verdict(on: idempotency, epoch: standing.epoch, now: now) {
            case .new: break
            case .known(let receipt): return .known(receipt)
            case .conflict: return .refused(.idempotencyConflict)
            }
        }
        let first = standing.head.next
        let seqs = count > 0 ? first...standing.head.advanced(by: count) : nil
        let receipt = IngestReceipt(acceptedCount: count, seqs: seqs)
        let answer = request.idempotency.map { LogRecord.Answer(request: $0, receipt: receipt) }
        return .record(LogRecord(after: standing, request, answer: answer), receipt)
    }

    /// Judges a request that sets a scan's owner and name.
    ///
    /// - Parameters:
    ///   - owner: The owner; nil if the request does not say.
    ///   - name: The name; nil if the request does not say.
    ///   - at: When the request came.
    ///   - standing: The scan's standing; nil if it does not exist and there is no room for another.
    /// - Returns: The record, or the reason why there is none.
    package func register(
        owner: String?,
        name: String?,
        at: WallTime,
        _ standing: ScanStanding?
    ) -> Result<LogRecord, RelayRefusal> {
        guard let standing else {
            return .failure(.tooManyScans)
        }
        guard !Self.isOwnedByAnother(standing, than: owner) else {
            return .failure(.ownerConflict)
        }
        var record = LogRecord(after: standing, place: standing.place + 1)
        record.at = at
        record.owner = standing.owner ?? owner
        record.name = name ?? standing.name
        record.isHeard = standing.isNew
        return .success(record)
    }

    /// The record with which a scan's channel ends.
    package func end(_ end: ScanEnd, _ standing: ScanStanding) -> LogRecord {
        var record = LogRecord(after: standing, place: standing.place + 1)
        record.end = end
        return record
    }

    /// Whether the scan has another owner than a request names.
    private static func isOwnedByAnother(_ standing: ScanStanding, than owner: String?) -> Bool {
        if let owner, let known = standing.owner { ByteName(owner) != ByteName(known) } else { false }
    }
}
