package import NIOCore

/// Operations that a client sends to a NATS server.
package enum NATSWriter {
    package static func ping(into buffer: inout ByteBuffer) { buffer.writeStaticString("PING\r\n") }
    package static func pong(into buffer: inout ByteBuffer) { buffer.writeStaticString("PONG\r\n") }

    package static func connect(_ json: ByteBuffer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("CONNECT ")
        buffer.writeImmutableBuffer(json)
        buffer.writeStaticString("\r\n")
    }

    package static func subscribe(_ subject: String, _ id: Int, into buffer: inout ByteBuffer) {
        buffer.writeString("SUB \(subject) \(id)\r\n")
    }

    package static func unsubscribe(_ id: Int, into buffer: inout ByteBuffer) {
        buffer.writeString("UNSUB \(id)\r\n")
    }

    /// A message, with headers if there are any.
    ///
    /// A subject must not contain a space, and a header's value no line end.
    package static func publish(
        _ subject: String,
        reply: String?,
        headers: MessageHeaders,
        payload: ByteBuffer,
        into buffer: inout ByteBuffer
    ) {
        let reply = reply.map { "\($0) " } ?? ""
        guard !headers.fields.isEmpty else {
            buffer.writeString("PUB \(subject) \(reply)\(payload.readableBytes)\r\n")
            buffer.writeImmutableBuffer(payload)
            buffer.writeStaticString("\r\n")
            return
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
    }
}
