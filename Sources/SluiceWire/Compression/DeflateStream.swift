internal import CZlib
package import NIOCore

/// One compressor of permessage-deflate payloads (RFC 7692 section 7.2.1), with the context that it has built up.
///
/// It knows no frames and no clients: its owner knows which clients can decode the output. Not thread-safe; it belongs
/// to one event loop. It holds about `2^(windowBits + 2) + 2^(memoryLevel + 9)` bytes.
@safe
package final class DeflateStream {
    /// How the end of a payload changes the context.
    package enum Flush: Sendable {
        /// Later payloads may refer to this one and those before it.
        case sync
        /// Nothing after this payload refers to anything in it or before it, so that a newcomer can begin there.
        case full
    }

    /// An empty stored block ends a flushed payload, and is not sent.
    private static let flushTailBytes = 4
    /// The least room given to zlib; more than six bytes, or else it writes the end of a flush twice.
    private static let minimumRoom = 64

    // zlib keeps a pointer back to its stream, which must not move therefore.
    private let stream: UnsafeMutablePointer<z_stream>

    /// A compressor with an empty context.
    ///
    /// - Parameters:
    ///   - level: zlib's level, 0 (store) to 9 (smallest).
    ///   - windowBits: The window's size as its base-2 logarithm, 9 to 15: zlib has no raw deflate with 8.
    ///   - memoryLevel: zlib's memory level, 1 to 9.
    package init(level: Int, windowBits: Int, memoryLevel: Int) {
        precondition((0...9).contains(level), "zlib's levels go from 0 to 9")
        precondition((9...15).contains(windowBits), "zlib's raw windows go from 9 to 15 bits")
        precondition((1...9).contains(memoryLevel), "zlib's memory levels go from 1 to 9")
        unsafe self.stream = Self.makeStream(level: level, windowBits: -windowBits, memoryLevel: memoryLevel)
    }

    deinit {
        unsafe deflateEnd(self.stream)
        unsafe self.stream.deallocate()
    }

    /// Compresses one payload, complete and without the four bytes that every flush ends in.
    ///
    /// - Parameters:
    ///   - payload: The frame's content, at most 4 GiB.
    ///   - flush: Whether later payloads may refer to this one.
    ///   - output: Where the compressed bytes are appended.
    package func compress(_ payload: ByteBuffer, flush: Flush, into output: inout ByteBuffer) {
        guard payload.readableBytes > 0 else {
            // zlib would write nothing for it; RFC 7692 section 7.2.3.6 has this byte for an empty payload.
            output.writeInteger(UInt8(0))
            if flush == .full {
                self.reset()
            }
            return
        }
        unsafe Self.run(self.stream, payload, flush: flush == .full ? Z_FULL_FLUSH : Z_SYNC_FLUSH, into: &output)
        output.moveWriterIndex(to: output.writerIndex - Self.flushTailBytes)
    }

    /// Forgets the context: the next payload refers to nothing before it.
    package func reset() {
        let status = unsafe deflateReset(self.stream)
        precondition(status == Z_OK, "a stream that was made can be made anew")
    }

    /// Makes a stream at an address that stays; its maker ends and frees it.
    static func makeStream(
        level: Int,
        windowBits: Int,
        memoryLevel: Int
    ) -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe sluice_deflateInit2(stream, Int32(level), Int32(windowBits), Int32(memoryLevel))
        // With parameters in range only memory can be wanting, which ends a Swift program anyway.
        precondition(status == Z_OK, "zlib made no stream: \(status)")
        return unsafe stream
    }

    /// Has zlib take the whole input and write all that it owes for it.
    static func run(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ input: ByteBuffer,
        flush: Int32,
        into output: inout ByteBuffer
    ) {
        unsafe input.withUnsafeReadableBytes { bytes in
            // zlib's field is not const, but it only reads there.
            let start = unsafe bytes.bindMemory(to: Bytef.self).baseAddress
            unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: start)
            unsafe stream.pointee.avail_in = UInt32(bytes.count)
            var isDone = false
            while !isDone {
                let room = max(Self.minimumRoom, input.readableBytes / 4)
                unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { free in
                    unsafe stream.pointee.next_out = free.bindMemory(to: Bytef.self).baseAddress
                    unsafe stream.pointee.avail_out = UInt32(clamping: free.count)
                    let offered = unsafe stream.pointee.avail_out
                    let status = unsafe deflate(stream, flush)
                    precondition(status != Z_STREAM_ERROR, "the stream was not made or was damaged")
                    let left = unsafe stream.pointee.avail_out
                    // Room that is left says that all was written (zlib.h, deflate).
                    isDone = left > 0
                    return Int(offered - left)
                }
            }
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.next_out = nil
        }
    }
}

/// Packs bytes into one gzip member (RFC 1952).
///
/// - Parameters:
///   - payload: The bytes to pack, at most 4 GiB.
///   - level: zlib's level, 0 (store) to 9 (smallest).
/// - Returns: The member, header and checksum included.
package func gzip(_ payload: ByteBuffer, level: Int) -> ByteBuffer {
    precondition((0...9).contains(level), "zlib's levels go from 0 to 9")
    // 16 more than the window's bits asks zlib for gzip's wrapping (zlib.h, deflateInit2).
    let stream = unsafe DeflateStream.makeStream(level: level, windowBits: 15 + 16, memoryLevel: 8)
    defer {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }
    var member = ByteBufferAllocator().buffer(capacity: payload.readableBytes / 2 + 64)
    unsafe DeflateStream.run(stream, payload, flush: Z_FINISH, into: &member)
    return member
}
