public import NIOCore

/// Writes WebSocket frames as a server sends them (RFC 6455 section 5.2): whole messages, unmasked, with the shortest
/// form of the length.
///
/// So the bytes of a frame are the same for every client.
///
/// It only writes: frames from clients are checked elsewhere, and callers ask for a compressed frame only where the
/// extension was agreed on. Public and inlinable, since each frame of every group passes here: package declarations are
/// called across modules, not inlined.
public enum WebSocketFrameHeader {
    /// The kind of a frame (RFC 6455 section 5.2).
    ///
    /// Its raw value is the one on the wire.
    @frozen
    public enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        /// Whether it is a control frame: short, never fragmented, allowed between the fragments of a message.
        @inlinable
        public var isControl: Bool { self.rawValue & 0x8 != 0 }
    }

    /// The most bytes that a header takes.
    @inlinable
    public static var maximumBytes: Int { 10 }
    /// The most bytes that a control frame carries (RFC 6455 section 5.5).
    @inlinable
    public static var maximumControlPayloadBytes: Int { 125 }
    /// The most bytes that the reason of a close frame has, next to its code.
    package static let maximumReasonBytes = maximumControlPayloadBytes - 2

    /// Writes the header of a frame that is a whole message.
    ///
    /// - Parameters:
    ///   - opcode: The kind of frame.
    ///   - compressed: Whether the payload is compressed (RFC 7692 section 6: RSV1).
    ///   - payloadBytes: How many bytes will follow; at most 125 for a control frame.
    ///   - buffer: Where the header is appended.
    @inlinable
    public static func write(
        opcode: Opcode,
        compressed: Bool = false,
        payloadBytes: Int,
        into buffer: inout ByteBuffer
    ) {
        precondition(
            !opcode.isControl || (payloadBytes <= self.maximumControlPayloadBytes && !compressed),
            "a control frame is short and uncompressed"
        )
        let first = 0x80 | (compressed ? 0x40 : 0) | opcode.rawValue
        switch payloadBytes {
        case 0...125:
            buffer.writeMultipleIntegers(first, UInt8(payloadBytes))
        case 126...0xFFFF:
            buffer.writeMultipleIntegers(first, UInt8(126), UInt16(payloadBytes))
        default:
            buffer.writeMultipleIntegers(first, UInt8(127), UInt64(payloadBytes))
        }
    }

    /// Writes a whole frame.
    ///
    /// - Parameters:
    ///   - opcode: The kind of frame; not `close`, whose payload has a form of its own.
    ///   - compressed: Whether the payload is compressed already.
    ///   - payload: All that the frame carries.
    ///   - buffer: Where the frame is appended.
    @inlinable
    public static func writeFrame(
        opcode: Opcode,
        compressed: Bool = false,
        payload: ByteBuffer,
        into buffer: inout ByteBuffer
    ) {
        buffer.reserveCapacity(minimumWritableBytes: payload.readableBytes + self.maximumBytes)
        self.write(opcode: opcode, compressed: compressed, payloadBytes: payload.readableBytes, into: &buffer)
        buffer.writeImmutableBuffer(payload)
    }

    /// Writes a close frame (RFC 6455 section 5.5.1).
    ///
    /// - Parameters:
    ///   - code: The status code; without one the frame is empty, and the reason is left out too.
    ///   - reason: Why; cut before the first character that no longer fits into 123 bytes.
    ///   - buffer: Where the frame is appended.
    package static func writeClose(code: UInt16?, reason: String, into buffer: inout ByteBuffer) {
        guard let code else {
            self.write(opcode: .close, payloadBytes: 0, into: &buffer)
            return
        }
        var text = Substring(reason)
        while text.utf8.count > self.maximumReasonBytes {
            text.unicodeScalars.removeLast()
        }
        self.write(opcode: .close, payloadBytes: 2 + text.utf8.count, into: &buffer)
        buffer.writeInteger(code)
        buffer.writeSubstring(text)
    }
}
