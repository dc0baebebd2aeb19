package import Foundation
package import NIOCore
import SluiceBase

/// An exported scan, message by message in its old rhythm.
///
/// While nothing is due it yields an empty line now and then, which keeps the stream and the scan alive.
package struct RecordedInput: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    /// One message: its arrival time, in milliseconds, and its place in the content.
    struct Message: Sendable, Equatable {
        var at: Int64
        var place: Range<Int>
    }

    /// How much is given at once, in bytes, unless one message is longer.
    private static let pieceBytes = 64 * 1024
    /// After this long without a message an empty line is sent.
    private static let quietInterval = Duration.seconds(20)

    /// The longest time after the first message, in milliseconds: three hundred years.
    private static let maximumMilliseconds = 1e13

    private let content: Data
    private let messages: [Message]
    private let speed: Double

    /// Prepares a recording.
    ///
    /// - Parameters:
    ///   - content: Lines of `{"at":<milliseconds>,"seq":<number>,"message":<object>}`.
    ///   - speed: How many times as fast as it was; 0 does not wait at all.
    /// - Throws: If a line is none of these.
    package init(_ content: Data, speed: Double) throws(ClientError) {
        self.content = content
        self.speed = speed
        var messages: [Message] = []
        var start = content.startIndex
        var number = 0
        while start < content.endIndex {
            let end = content[start...].firstIndex(of: 0x0A) ?? content.endIndex
            number += 1
            if end > start {
                guard let message = Self.message(content, start..<end) else {
                    throw ClientError(.invalidRecording, "line \(number) is not one of an exported scan")
                }
                messages.append(message)
            }
            start = end + 1
        }
        self.messages = messages
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(content: self.content, messages: self.messages[...], speed: self.speed)
    }

    /// Takes a line apart.
    static func message(_ content: Data, _ line: Range<Int>) -> Message? {
        var rest = content[line]
        guard let at = Self.number(after: "{\"at\":", in: &rest), Self.number(after: ",\"seq\":", in: &rest) != nil,
            rest.starts(with: Array(",\"message\":{".utf8)), rest.last == UInt8(ascii: "}")
        else {
            return nil
        }
        let place = (rest.startIndex + ",\"message\":".utf8.count)..<(rest.endIndex - 1)
        // A damaged message is found before the first is posted, not where the gateway meets it.
        guard (try? JSONReader.read(Array(content[place]))) != nil else {
            return nil
        }
        return Message(at: at, place: place)
    }

    private static func number(after prefix: String, in rest: inout Data) -> Int64? {
        guard rest.starts(with: Array(prefix.utf8)) else {
            return nil
        }
        rest = rest.dropFirst(prefix.utf8.count)
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// Waits for the time of each message.
    package struct Iterator: AsyncIteratorProtocol {
        private let content: Data
        private var messages: ArraySlice<Message>
        private let speed: Double
        private let first: Int64
        private var start: ContinuousClock.Instant?

        init(content: Data, messages: ArraySlice<Message>, speed: Double) {
            self.content = content
            self.messages = messages
            self.speed = speed
            self.first = messages.first?.at ?? 0
        }

        /// The message that is due next; nil at the end, or when the task is cancelled.
        package mutating func next() async -> ByteBuffer? {
            let start = self.start ?? .now
            self.start = start
            guard let next = self.messages.first else {
                return nil
            }
            let due = self.due(next, start)
            if due > .now + RecordedInput.quietInterval {
                return await self.wait(for: .now + RecordedInput.quietInterval) ? ByteBuffer(string: "\n") : nil
            }
            guard await self.wait(for: due) else {
                return nil
            }
            var piece = ByteBuffer()
            let now = ContinuousClock.now
            while let message = self.messages.first, piece.readableBytes < RecordedInput.pieceBytes,
                self.due(message, start) <= now
            {
                piece.writeBytes(self.content[message.place])
                piece.writeString("\n")
                self.messages.removeFirst()
            }
            return piece
        }

        private func due(_ message: Message, _ start: ContinuousClock.Instant) -> ContinuousClock.Instant {
            guard self.speed > 0 else { return start }
            let milliseconds = Double(Swift.max(0, message.at - self.first)) / self.speed
            return start + .milliseconds(Swift.min(milliseconds, RecordedInput.maximumMilliseconds))
        }

        /// Whether it is still wanted after the wait.
        private func wait(for instant: ContinuousClock.Instant) async -> Bool {
            (try? await Task.sleep(until: instant, clock: .continuous)) != nil
        }
    }
}
