internal import CZlib
package import NIOCore

/// One gzip member (RFC 1952) that is written in pieces: of an event stream, each of which can be read as soon as it has
/// arrived, or of a long answer.
///
/// Its window is small, since every such reader holds one: about 38 KiB. Not thread-safe; it belongs to one event loop.
@safe
package final class GzipStream {
    /// Measured on scan messages: 12 bits of window and memory level 5 lose a tenth against zlib's defaults, and take
    /// a seventh of the memory.
    private static let windowBits = 12
    private static let memoryLevel = 5

    /// The memory of one such stream, in bytes.
    package static let memoryBytes = CompressionMemory.deflateBytes(
        windowBits: GzipStream.windowBits,
        memoryLevel: GzipStream.memoryLevel
    )

    private let stream: UnsafeMutablePointer<z_stream>

    /// A member of which nothing is written yet.
    ///
    /// - Parameter level: zlib's level, 0 (store) to 9 (smallest).
    package init(level: Int) {
        unsafe self.stream = DeflateStream.makeStream(
            level: level,
            windowBits: Self.windowBits + 16,
            memoryLevel: Self.memoryLevel
        )
    }

    deinit {
        unsafe deflateEnd(self.stream)
        unsafe self.stream.deallocate()
    }

    /// Packs a piece, whole: nothing of it is held back.
    package func compress(_ piece: ByteBuffer, into output: inout ByteBuffer) {
        unsafe DeflateStream.run(self.stream, piece, flush: Z_SYNC_FLUSH, into: &output)
    }

    /// Takes one piece of the whole text; its packed bytes may come out with those of a later piece.
    package func append(_ piece: ByteBuffer, into output: inout ByteBuffer) {
        unsafe DeflateStream.run(self.stream, piece, flush: Z_NO_FLUSH, into: &output)
    }

    /// Writes the member's end.
    package func finish(into output: inout ByteBuffer) {
        unsafe DeflateStream.run(self.stream, ByteBuffer(), flush: Z_FINISH, into: &output)
    }
}
