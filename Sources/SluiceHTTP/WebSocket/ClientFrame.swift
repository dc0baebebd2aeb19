import NIOCore
import SluiceWire

/// The header of a client's frame (RFC 6455 section 5.2), as far as a frame can be judged without those before it.
struct ClientFrame {
    let opcode: WebSocketFrameHeader.Opcode
    let isFinal: Bool
    /// RSV1: the message is compressed.
    let isCompressed: Bool
    let payloadBytes: Int
    let maskingKey: UInt32

    /// Reads a header off the front of a buffer once all of it is there.
    ///
    /// The first two bytes are judged as soon as they are there. Lengths must be in their shortest form and below 2^63,
    /// and clients must mask (sections 5.1 and 5.2).
    ///
    /// - Parameters:
    ///   - buffer: The client's bytes; nothing is taken from them unless the header is complete.
    ///   - allowsCompression: Whether permessage-deflate was agreed on.
    /// - Returns: Nil if more bytes are needed.
    /// - Throws: The rule that the header breaks.
    static func read(from buffer: inout ByteBuffer, allowsCompression: Bool) throws(WebSocketFault) -> ClientFrame? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self) else { return nil }
        let opcode = try self.opcode(first, allowsCompression: allowsCompression)
        guard let second = buffer.getInteger(at: start + 1, as: UInt8.self) else { return nil }
        guard second & 0x80 != 0 else { throw .protocolError("frame is not masked") }
        let shortLength = Int(second & 0x7F)
        let isFinal = first & 0x80 != 0
        if opcode.isControl {
            guard isFinal else { throw .protocolError("control frame is fragmented") }
            guard shortLength <= WebSocketFrameHeader.maximumControlPayloadBytes else {
                throw .protocolError("control frame is too long")
            }
        }
        guard let (payloadBytes, lengthBytes) = try self.length(shortLength, in: buffer, at: start + 2) else {
            return nil
        }
        guard let maskingKey = buffer.getInteger(at: start + 2 + lengthBytes, as: UInt32.self) else { return nil }
        buffer.moveReaderIndex(forwardBy: 2 + lengthBytes + 4)
        return ClientFrame(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: first & 0x40 != 0,
            payloadBytes: payloadBytes,
            maskingKey: maskingKey
        )
    }

    private static func opcode(
        _ first: UInt8,
        allowsCompression: Bool
    ) throws(WebSocketFault) -> WebSocketFrameHeader.Opcode {
        guard first & 0x30 == 0 else { throw .protocolError("reserved bit is set") }
        guard let opcode = WebSocketFrameHeader.Opcode(rawValue: first & 0x0F) else {
            throw .protocolError("opcode is reserved")
        }
        // RFC 7692 section 6: RSV1 is set in the first frame of a message, and never in a control frame.
        if first & 0x40 != 0 {
            guard allowsCompression, opcode == .text || opcode == .binary else {
                throw .protocolError("reserved bit is set")
            }
        }
        return opcode
    }

    private static func length(
        _ shortLength: Int,
        in buffer: ByteBuffer,
        at index: Int
    ) throws(WebSocketFault) -> (payloadBytes: Int, lengthBytes: Int)? {
        switch shortLength {
        case 126:
            guard let length = buffer.getInteger(at: index, as: UInt16.self) else { return nil }
            guard length > 125 else { throw .protocolError("length is not in its shortest form") }
            return (Int(length), 2)
        case 127:
            guard let length = buffer.getInteger(at: index, as: UInt64.self) else { return nil }
            guard length > 0xFFFF else { throw .protocolError("length is not in its shortest form") }
            guard let payloadBytes = Int(exactly: length) else { throw .protocolError("length is over 63 bits") }
            return (payloadBytes, 8)
        default:
            return (shortLength, 0)
        }
    }
}
