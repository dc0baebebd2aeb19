package import SluiceBase

/// The effect of one request, or of time, on a scan: written by ``ScanAuthor``, and applied wherever the scan is shown.
///
/// It is complete, so that applying it takes no decision: the numbers of its messages, the life of the log, the
/// standing after it. Numbers, epoch and message count are its own; none follows from another. A request makes one
/// record, with one time and at most one answer.
package struct LogRecord: Sendable {
    /// The answer of a request that may be repeated.
    package struct Answer: Sendable, Equatable {
        package var request: IngestRequest.Idempotency
        package var receipt: IngestReceipt

        package init(request: IngestRequest.Idempotency, receipt: IngestReceipt) {
            self.request = request
            self.receipt = receipt
        }
    }

    /// Which life of the log it is of.
    package var epoch: String
    /// The place of the record behind which it was judged; 0 stands before the first.
    package var prev: UInt64
    /// Its own place in the order of the scan's records.
    package var place: UInt64
    /// The number of its first message, or of the next one where it has none.
    package var first: Seq
    /// Numbered in one run from `first`.
    package var messages: [Message]
    /// How many messages the scan has had, these among them.
    package var messageCount: Int
    /// When the request came; nil for an effect of time.
    package var at: WallTime?
    /// The scan's owner and name after this record.
    package var owner: String?
    package var name: String?
    /// The answer to the request if it is repeated.
    package var answer: Answer?
    /// Whether it is a sign of life of the scanner.
    package var isHeard = false
    /// Whether another of the processes that share the log wrote it.
    package var isForeign = false
    /// Why the scan's channel ends with it, without messages; nil if it continues.
    package var end: ScanEnd?

    /// A record that changes nothing yet.
    ///
    /// - Parameters:
    ///   - standing: Where the scan stands before it.
    ///   - place: Its own place.
    package init(after standing: ScanStanding, place: UInt64) {
        self.epoch = standing.epoch
        self.prev = standing.place
        self.place = place
        self.first = standing.head.next
        self.messages = []
        self.messageCount = standing.messageCount
        self.owner = standing.owner
        self.name = standing.name
    }

    /// The record of a request: its messages, or a sign of life.
    ///
    /// Made in one go, since there is one for each request.
    ///
    /// - Parameters:
    ///   - standing: Where the scan stands before it.
    ///   - request: The request.
    ///   - answer: The answer if it is repeated.
    @inline(__always)
    init(after standing: ScanStanding, _ request: IngestRequest, answer: Answer?) {
        self.epoch = standing.epoch
        self.prev = standing.place
        self.place = standing.place + 1
        self.first = standing.head.next
        self.messages = request.messages
        self.messageCount = standing.messageCount + request.messages.count
        self.at = request.at
        self.owner = standing.owner ?? request.owner
        self.name = standing.name
        self.answer = answer
        self.isHeard = true
    }

    /// The number of the newest message after it.
    package var head: Seq { self.first.previous.advanced(by: self.messages.count) }
}

/// The standing of a scan between two records, at which the next one is judged.
package struct ScanStanding: Sendable, Equatable {
    /// Which life of the log this is.
    package var epoch: String
    /// The place of the newest record.
    package var place: UInt64
    /// The newest message's number.
    package var head: Seq
    /// How many messages the scan has had.
    package var messageCount: Int
    package var owner: String?
    package var name: String?
    /// Whether the scan does not exist yet: an accepted request opens it.
    package var isNew = false

    package init(
        epoch: String,
        place: UInt64,
        head: Seq,
        messageCount: Int,
        owner: String? = nil,
        name: String? = nil
    ) {
        self.epoch = epoch
        self.place = place
        self.head = head
        self.messageCount = messageCount
        self.owner = owner
        self.name = name
    }

    /// Before the first record of a new life.
    package init(opening epoch: String) {
        self.init(epoch: epoch, place: 0, head: 0, messageCount: 0)
        self.isNew = true
    }
}
