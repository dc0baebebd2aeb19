package import NIOCore
package import SluiceBase
package import SluiceRelay

/// The form of a carry: what it repeats, and the places of earlier records.
///
/// Ordinary messages are not repeated: they are in the records before, for as long as those are kept.
package enum ImageForm {
    package static let version: UInt8 = 1

    /// The sequence in the stream from which the messages from a seq on are found.
    package struct Mark: Sendable, Equatable {
        package var first: Seq
        package var sequence: UInt64

        package init(first: Seq, sequence: UInt64) {
            self.first = first
            self.sequence = sequence
        }
    }

    /// The whole body of a carry, to be cut into parts.
    ///
    /// - Parameters:
    ///   - image: The scan.
    ///   - marks: The places of earlier records.
    ///   - now: The wall clock, from which the times of answers are computed.
    /// - Returns: The body.
    package static func bytes(_ image: ScanImage, marks: [Mark], now: WallTime) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(Self.version)
        buffer.writeText(image.standing.epoch)
        buffer.writeInteger(image.standing.head.rawValue)
        buffer.writeInteger(UInt64(clamping: image.standing.messageCount))
        buffer.writeOptionalText(image.standing.owner)
        buffer.writeOptionalText(image.standing.name)
        buffer.writeInteger(image.times.created.milliseconds)
        buffer.writeInteger(image.times.heard.milliseconds)
        buffer.writeInteger(image.times.completed?.milliseconds ?? 0)
        FoldForm.write(image.fold, counts: image.tail.counts, into: &buffer)
        let entries = image.tail.entries.filter { $0.message.fate != .ordinary }
        buffer.writeInteger(UInt32(clamping: entries.count))
        for entry in entries {
            buffer.writeInteger(entry.seq.rawValue)
            buffer.writeInteger(entry.at.milliseconds)
            MessageForm.write(entry.message, into: &buffer)
        }
        buffer.writeInteger(UInt32(clamping: image.answers.count))
        for answer in image.answers {
            buffer.writeInteger(now.milliseconds - answer.age.nanoseconds / 1_000_000)
            AnswerForm.write(answer.request, answer.receipt, into: &buffer)
        }
        buffer.writeInteger(UInt32(clamping: marks.count))
        for mark in marks {
            buffer.writeMultipleIntegers(mark.first.rawValue, mark.sequence)
        }
        return buffer
    }

    /// Reads what a carry repeats.
    ///
    /// - Parameters:
    ///   - buffer: All parts of the carry, joined.
    ///   - place: The record that the carry follows.
    ///   - now: The wall clock, from which the ages of answers are computed.
    /// - Returns: The scan and the places of earlier records; nil where the bytes are damaged or of another version.
    package static func image(
        _ buffer: ByteBuffer,
        at place: UInt64,
        now: WallTime
    ) -> (image: ScanImage, marks: [Mark])? {
        var buffer = buffer
        guard buffer.readInteger(as: UInt8.self) == Self.version, let epoch = buffer.readText(),
            let (head, messageCount) = buffer.readMultipleIntegers(as: (UInt64, UInt64).self),
            let head = Seq(exactly: head), messageCount <= StoredNumber.maximum, let owner = buffer.readOptionalText(),
            let name = buffer.readOptionalText(),
            let (created, heard, completed) = buffer.readMultipleIntegers(as: (Int64, Int64, Int64).self),
            let created = WallTime(stored: created), let heard = WallTime(stored: heard),
            let completed = WallTime(stored: completed),
            let (fold, counts) = FoldForm.read(from: &buffer), let entries = Self.entries(from: &buffer),
            let answers = Self.answers(from: &buffer, now: now), let marks = Self.marks(from: &buffer),
            entries.last?.seq ?? 0 <= head
        else {
            return nil
        }
        let standing = ScanStanding(
            epoch: epoch,
            place: place,
            head: head,
            messageCount: Int(clamping: messageCount),
            owner: owner,
            name: name
        )
        let image = ScanImage(
            standing: standing,
            tail: StoredTail(entries: entries, evictedThrough: head, counts: counts),
            fold: fold,
            answers: answers,
            times: ScanTimes(
                created: created,
                heard: heard,
                completed: completed.milliseconds > 0 ? completed : nil
            )
        )
        return (image, marks)
    }

    private static func entries(from buffer: inout ByteBuffer) -> [LogEntry]? {
        guard let count = buffer.readInteger(as: UInt32.self), count <= buffer.readableBytes else {
            return nil
        }
        var entries: [LogEntry] = []
        for _ in 0..<count {
            guard let (seq, at) = buffer.readMultipleIntegers(as: (UInt64, Int64).self),
                let seq = Seq(exactly: seq), seq > entries.last?.seq ?? 0, let at = WallTime(stored: at),
                let message = MessageForm.read(from: &buffer)
            else {
                return nil
            }
            entries.append(LogEntry(seq: seq, at: at, message: message))
        }
        return entries
    }

    private static func answers(from buffer: inout ByteBuffer, now: WallTime) -> [StoredAnswer]? {
        guard let count = buffer.readInteger(as: UInt32.self), count <= buffer.readableBytes else {
            return nil
        }
        var answers: [StoredAnswer] = []
        for _ in 0..<count {
            guard let at = WallTime(stored: buffer.readInteger(as: Int64.self)),
                let (request, receipt) = AnswerForm.read(from: &buffer)
            else {
                return nil
            }
            let age = min(max(0, now.milliseconds - at.milliseconds), 86_400_000)
            answers.append(StoredAnswer(request: request, receipt: receipt, age: .milliseconds(age)))
        }
        return answers
    }

    private static func marks(from buffer: inout ByteBuffer) -> [Mark]? {
        guard let count = buffer.readInteger(as: UInt32.self), count <= buffer.readableBytes else {
            return nil
        }
        var marks: [Mark] = []
        for _ in 0..<count {
            guard let (first, sequence) = buffer.readMultipleIntegers(as: (UInt64, UInt64).self),
                let first = Seq(exactly: first), sequence > 0, sequence > marks.last?.sequence ?? 0
            else {
                return nil
            }
            marks.append(Mark(first: first, sequence: sequence))
        }
        return marks
    }
}
