package import NIOCore
package import NIOHTTP1

/// The head of a request as an upstream gets it, and how it is written (RFC 9112, section 3).
package struct UpstreamRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query, or `*`.
    package var target: String
    /// All of its fields but `Transfer-Encoding`.
    package var fields: HeaderFields
    /// How long its body is, if its fields say it.
    package var contentLength: Int?
    /// Whether a body follows that its fields give no length of.
    package var isChunked: Bool
    /// Whether it asks for another protocol.
    package var asksForUpgrade: Bool

    package init(
        method: HTTPMethod,
        target: String,
        fields: HeaderFields,
        contentLength: Int? = nil,
        isChunked: Bool = false,
        asksForUpgrade: Bool = false
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.contentLength = contentLength
        self.isChunked = isChunked
        self.asksForUpgrade = asksForUpgrade
    }

    /// Whether its first line is one, whoever has made it.
    package var isLine: Bool {
        let method = self.method.rawValue.utf8
        return !method.isEmpty && method.allSatisfy(HTTPToken.contains) && !self.target.isEmpty
            && self.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// The bytes of the head.
    package func encoded(allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 1024)
        buffer.writeString(self.method.rawValue)
        buffer.writeStaticString(" ")
        buffer.writeString(self.target)
        buffer.writeStaticString(" HTTP/1.1\r\n")
        self.fields.write(into: &buffer)
        if self.isChunked {
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        buffer.writeStaticString("\r\n")
        return buffer
    }
}
