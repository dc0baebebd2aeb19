internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase

/// Writes answers as bytes (RFC 9112, sections 4 and 6).
internal struct ResponseEncoder {
    /// What an answer says of the connection.
    enum Persistence {
        case keepAlive
        case close
        /// The answer is 101.
        case upgrade
    }

    /// How the answer's body is framed.
    enum Framing {
        /// By its length; nil for a status that has no body (RFC 9110, section 8.6).
        case length(Int?)
        case chunked
        /// By the end of the connection.
        case connection
    }

    /// Bodies up to this size share the head's buffer and so its write.
    private static let maximumInlineBytes = 16 * 1024
    /// Room for the head of an answer.
    private static let headBytes = 384

    let allocator: ByteBufferAllocator
    let isTLS: Bool
    let context: HTTPLoopContext

    /// Encodes a whole answer.
    ///
    /// - Returns: The head with the body in it, and the body if it is too large to be copied.
    func encode(
        _ response: HTTPResponse,
        persistence: Persistence,
        isVersion10: Bool,
        isHead: Bool,
        now: NIODeadline
    ) -> (ByteBuffer, ByteBuffer?) {
        let bodyBytes = response.body?.readableBytes ?? 0
        let isInline = bodyBytes <= Self.maximumInlineBytes
        var buffer = self.allocator.buffer(capacity: Self.headBytes + (isInline ? bodyBytes : 0))
        self.writeStart(of: response, to: &buffer, now: now)
        let hasLength = response.status.code >= 200 && response.status != .noContent && response.status != .notModified
        self.finish(
            &buffer,
            headers: response.headers,
            framing: .length(hasLength ? bodyBytes : nil),
            persistence: persistence,
            isVersion10: isVersion10
        )
        guard let body = response.body, !isHead, hasLength else { return (buffer, nil) }
        guard isInline else { return (buffer, body) }
        buffer.writeImmutableBuffer(body)
        return (buffer, nil)
    }

    /// Encodes the most common kind of answer in one go: short, with no fields of its own, on a connection that stays.
    ///
    /// - Returns: Nil for any other kind.
    func encodeShort(_ response: HTTPResponse, _ body: ByteBuffer, now: NIODeadline) -> ByteBuffer? {
        guard response.headers.isEmpty, response.status == .ok || response.status == .accepted else { return nil }
        let start = self.start(of: response, now: now)
        // The length's name and digits, and the end of the head.
        let byteCount = start.readableBytes + 48 + body.readableBytes
        var buffer = self.allocator.buffer(capacity: byteCount)
        buffer.writeText(maximumBytes: byteCount) { text in
            text.write(start)
            text.write("Content-Length: ")
            text.write(decimal: UInt64(body.readableBytes))
            text.write("\r\n\r\n")
            text.write(body)
        }
        return buffer
    }

    /// Encodes the head of an answer whose body follows piece by piece.
    func encodeHead(
        of response: HTTPResponse,
        framing: Framing,
        persistence: Persistence,
        isVersion10: Bool,
        now: NIODeadline
    ) -> ByteBuffer {
        var buffer = self.allocator.buffer(capacity: Self.headBytes)
        self.writeStart(of: response, to: &buffer, now: now)
        self.finish(
            &buffer,
            headers: response.headers,
            framing: framing,
            persistence: persistence,
            isVersion10: isVersion10
        )
        return buffer
    }

    /// Encodes a head whose body follows piece by piece, or not as HTTP at all.
    func encodeHead(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)],
        framing: Framing,
        persistence: Persistence,
        isVersion10: Bool,
        now: NIODeadline
    ) -> ByteBuffer {
        var buffer = self.allocator.buffer(capacity: Self.headBytes)
        self.writeStatus(status, to: &buffer, now: now)
        self.finish(
            &buffer,
            headers: headers,
            framing: framing,
            persistence: persistence,
            isVersion10: isVersion10
        )
        return buffer
    }

    /// Encodes the head of another server's answer, as it came.
    ///
    /// - Parameters:
    ///   - answer: The head.
    ///   - common: Fields that it gets besides.
    ///   - framing: How the body goes to this client; `length` adds nothing, since the answer's own fields say it.
    ///   - persistence: What it says of the connection.
    ///   - isVersion10: Whether the client speaks 1.0.
    ///   - now: The loop's time.
    /// - Returns: The bytes.
    func encodeRelayed(
        _ answer: RelayedAnswer,
        common: [(name: String, value: String)],
        framing: Framing,
        persistence: Persistence,
        isVersion10: Bool,
        now: NIODeadline
    ) -> ByteBuffer {
        var buffer = self.allocator.buffer(capacity: 2 * Self.headBytes)
        self.writeStatusLine(answer.status, to: &buffer)
        answer.fields.write(into: &buffer)
        if !answer.fields.contains(name: "Date") {
            // RFC 9110, section 6.6.1.
            buffer.writeImmutableBuffer(self.context.dateField(now: now))
        }
        self.finish(
            &buffer,
            headers: common,
            framing: framing,
            persistence: persistence,
            isVersion10: isVersion10
        )
        return buffer
    }

    /// Encodes an interim answer of another server.
    func encodeInterim(_ answer: RelayedAnswer) -> ByteBuffer {
        var buffer = self.allocator.buffer(capacity: Self.headBytes)
        self.writeStatusLine(answer.status, to: &buffer)
        answer.fields.write(into: &buffer)
        buffer.writeStaticString("\r\n")
        return buffer
    }

    /// Encodes a chunk of a body; an empty one would end it and is no chunk.
    func encodeChunk(_ bytes: ByteBuffer) -> ByteBuffer {
        var buffer = self.allocator.buffer(capacity: bytes.readableBytes + 12)
        buffer.writeString(String(bytes.readableBytes, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeImmutableBuffer(bytes)
        buffer.writeStaticString("\r\n")
        return buffer
    }

    private func writeStart(of response: HTTPResponse, to buffer: inout ByteBuffer, now: NIODeadline) {
        if case .custom = response.status {
            self.makeStart(of: response, in: &buffer, now: now)
            return
        }
        buffer.writeImmutableBuffer(self.start(of: response, now: now))
    }

    /// What answers begin with that are alike, from an earlier one if there was one this second.
    private func start(of response: HTTPResponse, now: NIODeadline) -> ByteBuffer {
        self.context.start(of: response, isTLS: self.isTLS, now: now) {
            var start = self.allocator.buffer(capacity: Self.headBytes)
            self.makeStart(of: response, in: &start, now: now)
            return start
        }
    }

    private func makeStart(of response: HTTPResponse, in buffer: inout ByteBuffer, now: NIODeadline) {
        self.writeStatus(response.status, to: &buffer, now: now)
        if !response.isStorable {
            buffer.writeStaticString("Cache-Control: no-store\r\n")
        }
        if let contentType = response.contentType {
            buffer.writeStaticString("Content-Type: ")
            buffer.writeString(contentType)
            buffer.writeStaticString("\r\n")
        }
    }

    private func writeStatusLine(_ status: HTTPResponseStatus, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(status.code))
        buffer.writeStaticString(" ")
        buffer.writeString(status.reasonPhrase)
        buffer.writeStaticString("\r\n")
    }

    private func writeStatus(_ status: HTTPResponseStatus, to buffer: inout ByteBuffer, now: NIODeadline) {
        self.writeStatusLine(status, to: &buffer)
        buffer.writeImmutableBuffer(self.context.commonFields(isTLS: self.isTLS, now: now))
    }

    private func finish(
        _ buffer: inout ByteBuffer,
        headers: [(name: String, value: String)],
        framing: Framing,
        persistence: Persistence,
        isVersion10: Bool
    ) {
        for (name, value) in headers where Self.isSafe(name) && Self.isSafe(value) {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        switch framing {
        case .length(let count?):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeDecimal(UInt64(count))
            buffer.writeStaticString("\r\n")
        case .chunked:
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .length(nil), .connection:
            break
        }
        switch persistence {
        case .keepAlive where isVersion10: buffer.writeStaticString("Connection: keep-alive\r\n")
        case .keepAlive: break
        case .close: buffer.writeStaticString("Connection: close\r\n")
        case .upgrade: buffer.writeStaticString("Connection: Upgrade\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// Whether a name or value cannot end its line.
    ///
    /// A name or value that can would let its author write further fields.
    static func isSafe(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}
