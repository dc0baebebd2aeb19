import NIOCore
import SluiceWire

/// A client's message under way: its payload so far, unmasked, inflated and, if it is a text, judged.
struct ClientMessage {
    let isText: Bool
    let isCompressed: Bool
    private(set) var fragmentCount = 0
    /// Bytes of payload announced by the frames so far, as they stand on the wire.
    private(set) var wireBytes = 0
    private(set) var payload = ByteBuffer()
    private var validator = UTF8Validator()

    init(isText: Bool, isCompressed: Bool) {
        self.isText = isText
        self.isCompressed = isCompressed
    }

    /// A frame of this message begins.
    ///
    /// Judges the announced length, before any memory is taken for it.
    mutating func beginFragment(payloadBytes: Int, limits: WebSocketConfiguration) throws(WebSocketFault) {
        self.fragmentCount += 1
        guard self.fragmentCount <= limits.maximumFragmentCount else {
            throw .tooBig("message has too many fragments")
        }
        guard payloadBytes <= self.wireLimit(limits) - self.wireBytes else {
            throw .tooBig("message is too big")
        }
        self.wireBytes += payloadBytes
    }

    /// Some bytes of the current frame, unmasked.
    mutating func append(
        _ input: inout ByteBuffer,
        count: Int,
        key: UInt32,
        phase: Int,
        inflater: InflateStream?,
        limits: WebSocketConfiguration
    ) throws(WebSocketFault) {
        let start = self.payload.readableBytes
        if let inflater, self.isCompressed {
            var packed = ByteBuffer()
            packed.writeUnmasked(from: &input, count: count, key: key, phase: phase)
            try self.inflating { payload throws(InflateStream.Failure) in
                try inflater.append(packed, into: &payload, limit: limits.maximumMessageBytes)
            }
        } else {
            self.payload.writeUnmasked(from: &input, count: count, key: key, phase: phase)
        }
        try self.validate(from: start)
    }

    /// The last frame is complete, and so is the message.
    mutating func end(inflater: InflateStream?, limits: WebSocketConfiguration) throws(WebSocketFault) {
        if let inflater, self.isCompressed {
            let start = self.payload.readableBytes
            try self.inflating { payload throws(InflateStream.Failure) in
                try inflater.endMessage(into: &payload, limit: limits.maximumMessageBytes)
            }
            try self.validate(from: start)
        }
        guard self.validator.isComplete else { throw .invalidPayload("text is not UTF-8") }
    }

    /// Incompressible data grows a little, up to zlib's own bound for any level and memory level.
    private func wireLimit(_ limits: WebSocketConfiguration) -> Int {
        let limit = limits.maximumMessageBytes
        return self.isCompressed ? limit + limit / 8 + limit / 64 + 64 : limit
    }

    private mutating func inflating(
        _ body: (inout ByteBuffer) throws(InflateStream.Failure) -> Void
    ) throws(WebSocketFault) {
        do throws(InflateStream.Failure) {
            try body(&self.payload)
        } catch {
            switch error {
            case .tooBig: throw .tooBig("message is too big")
            case .invalid: throw .invalidPayload("payload is not deflate")
            }
        }
    }

    /// RFC 6455 section 8.1: as soon as a text can no longer be UTF-8 the connection fails, not at its end.
    private mutating func validate(from start: Int) throws(WebSocketFault) {
        guard self.isText else { return }
        // A copy, since the span holds on to the whole of `self`.
        var validator = self.validator
        let end = self.payload.readableBytes
        let isValid = validator.append(self.payload.readableBytesUInt8Span.extracting(start..<end))
        self.validator = validator
        guard isValid else { throw .invalidPayload("text is not UTF-8") }
    }
}

extension ByteBuffer {
    /// Moves bytes over from another buffer and takes the client's mask off on the way (RFC 6455 section 5.3).
    ///
    /// - Parameters:
    ///   - source: Where the bytes are read.
    ///   - count: How many; the source has to have them.
    ///   - key: The masking key as it stood on the wire, its first byte the highest.
    ///   - phase: How many bytes of the same frame came before.
    mutating func writeUnmasked(from source: inout ByteBuffer, count: Int, key: UInt32, phase: Int) {
        precondition(count <= source.readableBytes, "the source has the bytes")
        guard count > 0 else { return }
        // The key turned so that its first byte meets the first byte moved, and laid out as it lies in memory.
        let shift = UInt32(phase & 3) * 8
        let turned = shift == 0 ? key : (key << shift) | (key >> (32 - shift))
        let word = (UInt64(turned) << 32 | UInt64(turned)).bigEndian
        unsafe source.withUnsafeReadableBytes { bytes in
            let input = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
            unsafe self.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
                var index = 0
                while index + 8 <= count {
                    let masked = unsafe input.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    unsafe output.storeBytes(of: masked ^ word, toByteOffset: index, as: UInt64.self)
                    index += 8
                }
                while index < count {
                    let byte = UInt8(truncatingIfNeeded: turned >> (24 - 8 * UInt32(index & 3)))
                    unsafe output[index] = unsafe input[index] ^ byte
                    index += 1
                }
                return count
            }
        }
        source.moveReaderIndex(forwardBy: count)
    }
}
