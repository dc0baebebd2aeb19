import NIOCore

/// Cuts lines into JSON arrays: a message a line, and in an array at most so many and, but for one alone, so many bytes.
struct LineBatches: Sendable {
    /// One array.
    struct Batch: Sendable, Equatable {
        /// Counted from 1.
        var number: Int
        /// How many messages it has; without any it is a sign of life.
        var count: Int
        var body: ByteBuffer
    }

    static let maximumCount = 200
    static let maximumBytes = 256 * 1024
    /// A line of more bytes is sent although its end is missing.
    static let maximumLineBytes = 1024 * 1024

    private var rest = ByteBuffer()
    private var isFinished = false
    private var number = 0

    /// Takes what was read.
    mutating func append(_ piece: ByteBuffer) {
        self.rest.discardReadBytes()
        self.rest.writeImmutableBuffer(piece)
    }

    /// Nothing more comes: what has no end of line is the last one.
    mutating func finish() {
        self.isFinished = true
    }

    /// The next array of whole lines; nil where there is none yet.
    mutating func next() -> Batch? {
        var body = ByteBuffer(string: "[")
        var count = 0
        var hasLine = false
        while count < Self.maximumCount {
            let limit = count == 0 ? Int.max : Self.maximumBytes - body.readableBytes
            guard let line = self.nextLine(within: limit) else { break }
            hasLine = true
            guard !line.readableBytesView.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { continue }
            if count > 0 { body.writeInteger(UInt8(ascii: ",")) }
            body.writeImmutableBuffer(line)
            count += 1
        }
        guard hasLine else { return nil }
        body.writeInteger(UInt8(ascii: "]"))
        self.number += 1
        return Batch(number: self.number, count: count, body: body)
    }

    private mutating func nextLine(within limit: Int) -> ByteBuffer? {
        let view = self.rest.readableBytesView
        if let end = view.firstIndex(of: 0x0A) {
            let length = end - view.startIndex
            guard length < limit, let line = self.rest.readSlice(length: length) else { return nil }
            self.rest.moveReaderIndex(forwardBy: 1)
            return line
        }
        // The gateway refuses a line beyond that, whatever comes yet.
        let count = self.rest.readableBytes
        guard self.isFinished || count > Self.maximumLineBytes, count > 0, count < limit else { return nil }
        return self.rest.readSlice(length: count)
    }
}
