import NIOCore

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
