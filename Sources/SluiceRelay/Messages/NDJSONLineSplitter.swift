package import NIOCore
internal import SluiceBase

/// Cuts a stream of bytes into lines, each as soon as it is whole.
///
/// `MessageParser` judges the content of a line. Lines are slices of the arrived bytes, meant to be read at once.
package struct NDJSONLineSplitter: Sendable {
    /// One line of a stream.
    package struct Line: Sendable {
        /// Which line it is, from 1 on, empty ones counted.
        package let number: Int
        /// Its bytes without line feed, and without a carriage return before it.
        package let bytes: ByteBuffer
    }

    /// How many whole lines were given so far; the line that an error is about is one more.
    package private(set) var lineCount = 0
    private let maximumLineBytes: Int
    /// The bytes that have arrived and are not yet returned.
    private var pending = ByteBuffer()
    /// How many bytes of `pending` are known to hold no line feed.
    private var searchedBytes = 0

    /// A splitter at the start of a stream.
    ///
    /// - Parameter maximumLineBytes: The longest line, without its end. At most this is kept of an unfinished line.
    package init(maximumLineBytes: Int) {
        self.maximumLineBytes = maximumLineBytes
    }

    /// Takes the next bytes of the stream.
    ///
    /// Call `nextLine()` until it returns `nil` before adding more: all bytes not yet returned are kept.
    ///
    /// - Parameter bytes: The bytes that have arrived.
    package mutating func append(_ bytes: ByteBuffer) {
        guard self.pending.readableBytes > 0 else {
            self.pending = bytes
            return
        }
        self.pending.discardReadBytes()
        self.pending.writeImmutableBuffer(bytes)
    }

    /// The next whole line.
    ///
    /// - Returns: `nil` if more bytes have to arrive first.
    /// - Throws: `message_too_large` for a line over the limit, finished or not; nothing comes after it.
    package mutating func nextLine() throws(MessageError) -> Line? {
        let length = self.lengthBeforeLineFeed()
        try self.checkLength(length)
        if length < self.pending.readableBytes { return self.takeLine(length, terminatorLength: 1) }
        self.searchedBytes = length
        // An idle stream must not keep the storage of delivered lines.
        self.pending = self.pending.released()
        return nil
    }

    /// The last line, if the stream ended without a line feed after it.
    ///
    /// - Returns: `nil` if no bytes are left.
    /// - Throws: `message_too_large`, as `nextLine()` does.
    package mutating func finish() throws(MessageError) -> Line? {
        if let line = try self.nextLine() { return line }
        guard self.searchedBytes > 0 else { return nil }
        return self.takeLine(self.searchedBytes, terminatorLength: 0)
    }

    /// How many bytes stand before the next line feed; all that are there if there is none.
    private func lengthBeforeLineFeed() -> Int {
        let bytes = self.pending.readableBytesUInt8Span
        var offset = self.searchedBytes
        while offset + ByteWord.width <= bytes.count {
            let prefix = ByteWord(bytes, at: offset).prefixBeforeLineFeed
            offset += prefix
            if prefix < ByteWord.width { return offset }
        }
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
        return offset
    }

    /// A carriage return at the end is part of the line's end, or may turn out to be.
    private func checkLength(_ length: Int) throws(MessageError) {
        if length <= self.maximumLineBytes { return }
        if length == self.maximumLineBytes + 1, self.endsInCarriageReturn(length) { return }
        throw MessageError(.messageTooLarge(limit: self.maximumLineBytes), index: nil, offset: nil)
    }

    private mutating func takeLine(_ length: Int, terminatorLength: Int) -> Line? {
        let contentLength = self.endsInCarriageReturn(length) ? length - 1 : length
        guard let bytes = self.pending.getSlice(at: self.pending.readerIndex, length: contentLength) else { return nil }
        self.pending.moveReaderIndex(forwardBy: length + terminatorLength)
        self.searchedBytes = 0
        self.lineCount += 1
        return Line(number: self.lineCount, bytes: bytes)
    }

    private func endsInCarriageReturn(_ length: Int) -> Bool {
        length > 0 && self.pending.readableBytesUInt8Span[length - 1] == UInt8(ascii: "\r")
    }
}
