internal import NIOCore
internal import SluiceWire

/// Packs one answer's body as gzip, a piece at a time, within the memory that all compressors share.
final class HTTPBodyPacker {
    private let stream: GzipStream
    private let memory: CompressionMemory

    /// Takes its share of the compressors' memory.
    ///
    /// - Returns: nil if there is no room.
    init?(level: Int, memory: CompressionMemory) {
        guard memory.reserve(GzipStream.memoryBytes) else { return nil }
        self.stream = GzipStream(level: level)
        self.memory = memory
    }

    deinit {
        self.memory.release(GzipStream.memoryBytes)
    }

    /// Packs a piece; what comes out may be nothing, and belong to earlier ones.
    func pack(_ piece: ByteBuffer) -> ByteBuffer {
        var packed = ByteBuffer()
        self.stream.append(piece, into: &packed)
        return packed
    }

    /// The end of what was packed.
    func finish() -> ByteBuffer {
        var packed = ByteBuffer()
        self.stream.finish(into: &packed)
        return packed
    }
}
