package import NIOCore
import SluiceBase
package import SluiceRelay

/// The form of a record's body: the effect of each request in it, in order.
///
/// `version u8 · count u16`, then for each request `marks u8 · at i64 · end u8 · owner · name · message count u32 ·
/// messages · answer`. Seqs, epoch and places follow from the record's head, since the seqs of one record are
/// consecutive.
package enum RecordForm {
    package static let version: UInt8 = 1
    /// The most requests in one record.
    package static let maximumCount = 200
    private static let isHeard: UInt8 = 1
    private static let hasAnswer: UInt8 = 2
    private static let hasTime: UInt8 = 4

    package static func bytes(_ records: [LogRecord]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(records.reduce(16) { $0 + Self.byteCount(of: $1) })
        buffer.writeInteger(Self.version)
        buffer.writeInteger(UInt16(clamping: records.count))
        for record in records {
            Self.write(record, into: &buffer)
        }
        return buffer
    }

    /// An upper bound on the bytes that one request takes.
    package static func byteCount(of record: LogRecord) -> Int {
        let texts = [record.owner, record.name].reduce(0) { $0 + ($1?.utf8.count ?? 0) + 3 }
        let answer = record.answer.map { $0.request.key.utf8.count + $0.request.digest.count + 32 } ?? 0
        return record.messages.reduce(32 + texts + answer) { $0 + MessageForm.byteCount(of: $1) }
    }

    private static func write(_ record: LogRecord, into buffer: inout ByteBuffer) {
        var marks: UInt8 = 0
        marks |= record.isHeard ? Self.isHeard : 0
        marks |= record.answer == nil ? 0 : Self.hasAnswer
        marks |= record.at == nil ? 0 : Self.hasTime
        buffer.writeInteger(marks)
        buffer.writeInteger(record.at?.milliseconds ?? 0)
        buffer.writeInteger(Self.code(record.end))
        buffer.writeOptionalText(record.owner)
        buffer.writeOptionalText(record.name)
        buffer.writeInteger(UInt32(clamping: record.messages.count))
        for message in record.messages {
            MessageForm.write(message, into: &buffer)
        }
        if let answer = record.answer {
            AnswerForm.write(answer.request, answer.receipt, into: &buffer)
        }
    }

    /// Reads the effect of each request.
    ///
    /// - Parameters:
    ///   - buffer: The record's body.
    ///   - head: The record's headers.
    ///   - place: The record's sequence.
    /// - Returns: One element per request; nil where the bytes are damaged, of another version, or contradict the head.
    package static func records(_ buffer: ByteBuffer, _ head: RecordHead, at place: UInt64) -> [LogRecord]? {
        var buffer = buffer
        guard buffer.readInteger(as: UInt8.self) == Self.version, let count = buffer.readInteger(as: UInt16.self),
            count > 0, Int(count) <= Self.maximumCount
        else {
            return nil
        }
        var standing = ScanStanding(
            epoch: head.epoch,
            place: head.prev,
            head: head.first.previous,
            messageCount: head.messageCount - head.count
        )
        var records: [LogRecord] = []
        for _ in 0..<count {
            guard let record = Self.read(from: &buffer, after: standing, place: place) else {
                return nil
            }
            standing.place = place
            standing.head = record.head
            standing.messageCount = record.messageCount
            records.append(record)
        }
        guard standing.head == head.head, buffer.readableBytes == 0 else {
            return nil
        }
        return records
    }

    private static func read(
        from buffer: inout ByteBuffer,
        after standing: ScanStanding,
        place: UInt64
    ) -> LogRecord? {
        guard let (marks, at, end) = buffer.readMultipleIntegers(as: (UInt8, Int64, UInt8).self), end <= 3,
            let time = WallTime(stored: at), let owner = buffer.readOptionalText(),
            let name = buffer.readOptionalText(),
            let count = buffer.readInteger(as: UInt32.self), count <= buffer.readableBytes
        else {
            return nil
        }
        var record = LogRecord(after: standing, place: place)
        record.owner = owner
        record.name = name
        record.isHeard = marks & Self.isHeard != 0
        record.at = marks & Self.hasTime != 0 ? time : nil
        record.end = [nil, .completed, .idle, .deleted][Int(end)]
        record.messages.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let message = MessageForm.read(from: &buffer) else {
                return nil
            }
            record.messages.append(message)
        }
        guard record.messages.isEmpty || record.at != nil, record.first.distance(to: .max) >= Int(count) else {
            return nil
        }
        record.messageCount += record.messages.count
        if marks & Self.hasAnswer != 0 {
            guard let (request, receipt) = AnswerForm.read(from: &buffer) else {
                return nil
            }
            record.answer = LogRecord.Answer(request: request, receipt: receipt)
        }
        return record
    }

    private static func code(_ end: ScanEnd?) -> UInt8 {
        switch end {
        case nil: 0
        case .completed: 1
        case .idle: 2
        case .deleted: 3
        }
    }
}

/// The form of an answer to a repeatable request: `key · digest · accepted u32 · first u64 · last u64`, 0 for no seqs.
enum AnswerForm {
    static func write(
        _ request: IngestRequest.Idempotency,
        _ receipt: IngestReceipt,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeText(request.key)
        buffer.writeInteger(UInt16(clamping: request.digest.count))
        buffer.writeBytes(request.digest)
        buffer.writeInteger(UInt32(clamping: receipt.acceptedCount))
        buffer.writeInteger(receipt.seqs?.lowerBound.rawValue ?? 0)
        buffer.writeInteger(receipt.seqs?.upperBound.rawValue ?? 0)
    }

    static func read(from buffer: inout ByteBuffer) -> (IngestRequest.Idempotency, IngestReceipt)? {
        guard let key = buffer.readText(), let digest = buffer.readLengthPrefixedSlice(as: UInt16.self),
            let (accepted, first, last) = buffer.readMultipleIntegers(as: (UInt32, UInt64, UInt64).self),
            let first = Seq(exactly: first), let last = Seq(exactly: last), first <= last
        else {
            return nil
        }
        let request = IngestRequest.Idempotency(key: key, digest: Array(digest.readableBytesView))
        return (request, IngestReceipt(acceptedCount: Int(accepted), seqs: first > 0 ? first...last : nil))
    }
}
