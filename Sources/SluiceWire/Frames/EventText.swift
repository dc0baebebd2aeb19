package import NIOCore

/// Server-Sent Events as bytes (WHATWG HTML, section 9.2.6), within HTTP/1.1 chunks where the answer has them.
package enum EventText {
    /// Writes one event.
    ///
    /// A line break within the data starts another `data` line. Without a type it is the standard's `message`.
    package static func write(
        isChunked: Bool,
        id: String?,
        type: String?,
        data: ByteBuffer,
        into buffer: inout ByteBuffer
    ) {
        var event = ByteBuffer()
        event.reserveCapacity(data.readableBytes + 64)
        if let id {
            event.writeString("id: \(id)\n")
        }
        if let type {
            event.writeString("event: \(type)\n")
        }
        var rest = data.readableBytesView[...]
        while let lineBreak = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            self.writeLine(rest[..<lineBreak], into: &event)
            var next = rest.index(after: lineBreak)
            if rest[lineBreak] == UInt8(ascii: "\r"), next < rest.endIndex, rest[next] == UInt8(ascii: "\n") {
                next = rest.index(after: next)
            }
            rest = rest[next...]
        }
        self.writeLine(rest, into: &event)
        event.writeInteger(UInt8(ascii: "\n"))
        self.writeChunk(event, isChunked: isChunked, into: &buffer)
    }

    /// Writes a comment, which keeps a quiet stream alive.
    package static func writeComment(_ comment: String, isChunked: Bool, into buffer: inout ByteBuffer) {
        self.writeChunk(ByteBuffer(string: ": \(comment)\n\n"), isChunked: isChunked, into: &buffer)
    }

    /// Writes how long a reader should stay away when its stream has ended.
    package static func writeRetry(milliseconds: Int, isChunked: Bool, into buffer: inout ByteBuffer) {
        self.writeChunk(ByteBuffer(string: "retry: \(milliseconds)\n\n"), isChunked: isChunked, into: &buffer)
    }

    /// Writes bytes as one chunk (RFC 9112 section 7.1), or as they are.
    package static func writeChunk(_ bytes: ByteBuffer, isChunked: Bool, into buffer: inout ByteBuffer) {
        guard bytes.readableBytes > 0 else {
            return
        }
        guard isChunked else {
            buffer.writeImmutableBuffer(bytes)
            return
        }
        buffer.reserveCapacity(minimumWritableBytes: bytes.readableBytes + 20)
        buffer.writeString(String(bytes.readableBytes, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeImmutableBuffer(bytes)
        buffer.writeStaticString("\r\n")
    }

    private static func writeLine(_ line: ByteBufferView.SubSequence, into event: inout ByteBuffer) {
        event.writeStaticString("data: ")
        event.writeBytes(line)
        event.writeInteger(UInt8(ascii: "\n"))
    }
}
