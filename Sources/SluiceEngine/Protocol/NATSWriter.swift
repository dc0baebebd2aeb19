package import NIOCore

/// Operations that a client sends to a NATS server.
///
/// The protocol is lines: a text with the end of one in it would be a command of its own. So nothing is written of what
/// does not fit, and false is returned.
package enum NATSWriter {
    @discardableResult
    package static func ping(into buffer: inout ByteBuffer) -> Bool {
        buffer.writeStaticString("PING\r\n")
        return true
    }

    package static func pong(into buffer: inout ByteBuffer) -> Bool {
        buffer.writeStaticString("PONG\r\n")
        return true
    }

    package static func connect(_ json: ByteBuffer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("CONNECT ")
        buffer.writeImmutableBuffer(json)
        buffer.writeStaticString("\r\n")
    }

    package static func subscribe(_ subject: String, _ id: Int, into buffer: inout ByteBuffer) -> Bool {
        guard self.isSubject(subject) else {
            return false
        }
        buffer.writeString("SUB \(subject) \(id)\r\n")
        return true
    }

    package static func unsubscribe(_ id: Int, into buffer: inout ByteBuffer) -> Bool {
        buffer.writeString("UNSUB \(id)\r\n")
        return true
    }

    /// A message, with headers if there are any.
    package static func publish(
        _ subject: String,
        reply: String?,
        headers: MessageHeaders,
        payload: ByteBuffer,
        into buffer: inout ByteBuffer
    ) -> Bool {
        guard self.isSubject(subject), reply.map(self.isSubject) ?? true, headers.fields.allSatisfy(self.isField) else {
            return false
        }
        let reply = reply.map { "\($0) " } ?? ""
        guard !headers.fields.isEmpty else {
            buffer.writeString("PUB \(subject) \(reply)\(payload.readableBytes)\r\n")
            buffer.writeImmutableBuffer(payload)
            buffer.writeStaticString("\r\n")
            return true
        }
        var head = "NATS/1.0\r\n"
        for field in headers.fields {
            head += "\(field.name): \(field.value)\r\n"
        }
        head += "\r\n"
        let headBytes = head.utf8.count
        buffer.writeString("HPUB \(subject) \(reply)\(headBytes) \(headBytes + payload.readableBytes)\r\n\(head)")
        buffer.writeImmutableBuffer(payload)
        buffer.writeStaticString("\r\n")
        return true
    }

    /// Whether it is one word of a line: without white space and control characters.
    private static func isSubject(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    private static func isField(_ field: MessageHeaders.Field) -> Bool {
        self.isSubject(field.name) && !field.name.utf8.contains(UInt8(ascii: ":"))
            && field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
