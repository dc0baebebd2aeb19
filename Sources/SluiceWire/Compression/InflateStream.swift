internal import CZlib
package import NIOCore

/// One decompressor of permessage-deflate payloads (RFC 7692 section 7.2.2), with the context that it has built up.
///
/// Its output takes no more memory than the caller allows. Not thread-safe; it belongs to one connection.
@safe
package final class InflateStream {
    package enum Failure: Error {
        /// The bytes are no deflate.
        case invalid
        /// More came out than is allowed.
        case tooBig
    }

    /// The bytes that a sender leaves out at the end of each message.
    private static let flushTail = ByteBuffer(bytes: [0x00, 0x00, 0xFF, 0xFF])
    private static let minimumRoom = 512
    private static let maximumRoom = 64 * 1024

    // zlib keeps a pointer back to its stream, which must not move therefore.
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether nothing was taken in since a message or a final block ended.
    private var isAtStart = true

    /// A decompressor with an empty context.
    ///
    /// - Parameter windowBits: The largest window that the sender may use as its base-2 logarithm, 9 to 15.
    package init(windowBits: Int) {
        precondition((9...15).contains(windowBits), "raw windows go from 9 to 15 bits here")
        unsafe self.stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe self.stream.initialize(to: z_stream())
        let status = unsafe sluice_inflateInit2(self.stream, Int32(-windowBits))
        // With parameters in range only memory can be wanting, which ends a Swift program anyway.
        precondition(status == Z_OK, "zlib made no stream: \(status)")
    }

    deinit {
        unsafe inflateEnd(self.stream)
        unsafe self.stream.deallocate()
    }

    /// Takes some bytes of a message's payload.
    ///
    /// - Parameters:
    ///   - input: The bytes, all of which are taken.
    ///   - output: Where the inflated bytes are appended.
    ///   - limit: The most bytes that `output` may then have.
    /// - Throws: The fault in the bytes; no call may follow.
    package func append(_ input: ByteBuffer, into output: inout ByteBuffer, limit: Int) throws(Failure) {
        try unsafe input.withUnsafeReadableBytes { bytes throws(Failure) in
            try unsafe self.inflate(bytes, into: &output, limit: limit)
        }
    }

    /// The message ends here.
    ///
    /// - Parameters:
    ///   - output: Where the inflated bytes are appended.
    ///   - limit: The most bytes that `output` may then have.
    /// - Throws: The fault in the message; no call may follow.
    package func endMessage(into output: inout ByteBuffer, limit: Int) throws(Failure) {
        // A message of nothing, or one whose last block says that it is final and lacks the byte that RFC 7692
        // section 7.2.3.4 puts after it: there is no open block that the tail could end.
        guard !self.isAtStart else { return }
        try self.append(Self.flushTail, into: &output, limit: limit)
        // A message that ends in the middle of a block would have the next one read as its rest.
        guard self.isBetweenBlocks else { throw .invalid }
        self.isAtStart = true
    }

    // Bits of zlib's (zlib.h, inflate with Z_BLOCK).
    private var isBetweenBlocks: Bool { unsafe self.stream.pointee.data_type & 128 != 0 }
    private var hasFinalBlockEnded: Bool { unsafe self.stream.pointee.data_type & 192 == 192 }

    private func inflate(
        _ input: UnsafeRawBufferPointer,
        into output: inout ByteBuffer,
        limit: Int
    ) throws(Failure) {
        // zlib's field is not const, but it only reads there.
        unsafe self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.bindMemory(to: Bytef.self).baseAddress
        )
        unsafe self.stream.pointee.avail_in = UInt32(input.count)
        defer {
            unsafe self.stream.pointee.next_in = nil
            unsafe self.stream.pointee.next_out = nil
        }
        var hasMore = input.count > 0
        while hasMore {
            hasMore = try self.step(into: &output, limit: limit)
        }
    }

    /// Lets zlib work until it is out of input or room, or at the end of a block.
    ///
    /// - Returns: Whether there is more to do.
    private func step(into output: inout ByteBuffer, limit: Int) throws(Failure) -> Bool {
        // One byte more than is allowed shows that it is too much.
        let allowed = limit - output.readableBytes + 1
        let wanted = max(Self.minimumRoom, min(output.readableBytes, Self.maximumRoom))
        let room = min(allowed, wanted)
        var status = Z_OK
        let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { free in
            unsafe self.stream.pointee.next_out = free.bindMemory(to: Bytef.self).baseAddress
            unsafe self.stream.pointee.avail_out = UInt32(room)
            // Z_BLOCK, so that the stream tells whether it stands between two blocks.
            status = unsafe CZlib.inflate(self.stream, Z_BLOCK)
            return unsafe room - Int(self.stream.pointee.avail_out)
        }
        guard output.readableBytes <= limit else { throw .tooBig }
        let leftInput = unsafe self.stream.pointee.avail_in
        switch status {
        case Z_OK:
            self.isAtStart = false
            return leftInput > 0 || written == room || self.hasFinalBlockEnded
        case Z_BUF_ERROR:
            // Nothing to do with the present bytes: not an error.
            return false
        case Z_STREAM_END:
            // A final block ends the deflate stream but not the message nor the context (RFC 7692 section 7.2.3.4):
            // later bytes may still refer to earlier ones.
            guard unsafe inflateResetKeep(self.stream) == Z_OK else { throw .invalid }
            self.isAtStart = true
            return leftInput > 0
        default:
            throw .invalid
        }
    }
}
