import NIOCore

/// The lines of a stream from the first that the gateway has not confirmed: lines to send, and lines to send again.
///
/// A stream has one answer, at its end. It says how many messages, from the first, were taken; to continue, the sender
/// must still have the others. The buffers of the system and of the gateway limit the bytes on their way, so the last
/// 32 MiB sent are kept.
struct PublishLedger: Sendable {
    /// How much is kept.
    struct Limits: Sendable {
        /// How many bytes of sent lines are kept for another request.
        var sentBytes = 32 * 1024 * 1024

        /// How many bytes may wait to be sent.
        var waitingBytes = 256 * 1024

        /// How many bytes go at once, unless one line is longer.
        var pieceBytes = 64 * 1024

        /// Beyond this many bytes a line is sent although its end is missing: the gateway will refuse it.
        var lineBytes = 1024 * 1024
    }

    /// A line with its end, or a part of a very long one.
    private struct Line: Sendable {
        let bytes: ByteBuffer

        /// Whether a message begins here: an empty line is none.
        let isMessage: Bool
        let isLineEnd: Bool
    }

    private let limits: Limits

    /// The lines sent in this request, then those not sent yet.
    private var lines = CircularBuffer<Line>()
    private var sentLineCount = 0
    private var sentBytes = 0
    private var waitingBytes = 0
    private var partial = ByteBuffer()
    private var isWithinLongLine = false

    /// How many messages of this request are no longer kept.
    private var forgottenCount = 0

    /// How many lines are no longer kept, and how many of them are before this request's first.
    private var droppedLineCount = 0
    private(set) var firstLine = 0

    /// Whether nothing more comes.
    private(set) var hasEnded = false

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether more lines should wait.
    var isFull: Bool { self.waitingBytes >= self.limits.waitingBytes }

    /// Whether something was sent in this request.
    var hasSent: Bool { self.sentLineCount > 0 || self.forgottenCount > 0 }

    /// Whether all of it is confirmed.
    var isDone: Bool { self.hasEnded && self.lines.isEmpty }

    /// More of the stream has come.
    mutating func append(_ piece: ByteBuffer) {
        var rest = piece
        while let end = rest.readableBytesView.firstIndex(of: 0x0A) {
            let length = end - rest.readerIndex + 1
            guard var line = rest.readSlice(length: length) else { return }
            if self.partial.readableBytes > 0 {
                self.partial.writeBuffer(&line)
                line = self.partial
                self.partial = ByteBuffer()
            }
            self.add(line, isLineEnd: true)
        }
        self.partial.writeBuffer(&rest)
        if self.partial.readableBytes > self.limits.lineBytes {
            self.add(self.partial, isLineEnd: false)
            self.partial = ByteBuffer()
        }
    }

    /// Nothing more comes; the last line gets its end.
    mutating func finish() {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        guard self.partial.readableBytes > 0 || self.isWithinLongLine else { return }
        self.partial.writeInteger(UInt8(ascii: "\n"))
        self.add(self.partial, isLineEnd: true)
        self.partial = ByteBuffer()
    }

    private mutating func add(_ bytes: ByteBuffer, isLineEnd: Bool) {
        let isBlank = bytes.readableBytesView.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let isMessage = !isBlank && !self.isWithinLongLine
        self.lines.append(Line(bytes: bytes, isMessage: isMessage, isLineEnd: isLineEnd))
        self.waitingBytes += bytes.readableBytes
        self.isWithinLongLine = !isLineEnd
    }

    /// The next lines to send; nothing while there are none.
    mutating func nextPiece() -> ByteBuffer? {
        guard self.sentLineCount < self.lines.count else { return nil }
        var piece = ByteBuffer()
        while self.sentLineCount < self.lines.count, piece.readableBytes < self.limits.pieceBytes {
            let bytes = self.lines[offset: self.sentLineCount].bytes
            piece.writeImmutableBuffer(bytes)
            self.sentLineCount += 1
            self.sentBytes += bytes.readableBytes
            self.waitingBytes -= bytes.readableBytes
        }
        while self.sentBytes > self.limits.sentBytes, self.sentLineCount > 1 {
            if self.dropFirst().isMessage { self.forgottenCount += 1 }
        }
        return piece
    }

    /// Lets the oldest line go that was sent.
    private mutating func dropFirst() -> Line {
        let line = self.lines.removeFirst()
        if line.isLineEnd { self.droppedLineCount += 1 }
        self.sentLineCount -= 1
        self.sentBytes -= line.bytes.readableBytes
        return line
    }

    /// The request has ended, and another continues after the messages that it took.
    ///
    /// - Parameter count: How many messages, from the first, need not be sent again.
    /// - Returns: How many of the others are no longer kept.
    mutating func confirmed(_ count: Int) -> Int {
        let lostCount = max(self.forgottenCount - count, 0)
        var rest = max(count - self.forgottenCount, 0)
        // Nothing that was not sent was taken.
        while self.sentLineCount > 0, rest > 0 {
            if self.dropFirst().isMessage { rest -= 1 }
        }
        // Empty lines only kept the stream alive, and the rest of a long line belongs to its beginning.
        while self.sentLineCount > 0, !self.lines[offset: 0].isMessage { _ = self.dropFirst() }
        self.firstLine = self.droppedLineCount
        self.waitingBytes += self.sentBytes
        self.sentBytes = 0
        self.sentLineCount = 0
        self.forgottenCount = 0
        return lostCount
    }
}
