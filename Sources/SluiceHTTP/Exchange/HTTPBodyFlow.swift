internal import NIOCore
internal import SluiceWire

/// A long body on its way: made, packed and written a piece at a time.
final class HTTPBodyFlow {
    /// The most bytes of a body that are made and packed in one turn of the loop; shorter bodies go as a whole.
    static let pieceBytes = LoopPacker.pieceBytes

    private let source: any HTTPBodySource
    private let packer: HTTPBodyPacker?
    /// Whether a turn of the loop, or an answer of the source's, is awaited.
    var isWaiting = false
    /// Told how many bytes each piece had before it was packed.
    private let meter: ((Int) -> Void)?

    init(_ source: any HTTPBodySource, packer: HTTPBodyPacker?, meter: ((Int) -> Void)?) {
        self.source = source
        self.packer = packer
        self.meter = meter
    }

    /// Whether its pieces are packed.
    var isPacked: Bool { self.packer != nil }

    /// The piece to write next.
    func next() -> HTTPBodyPiece {
        switch self.source.next(maximumBytes: Self.pieceBytes) {
        case .bytes(let piece):
            self.meter?(piece.readableBytes)
            return .bytes(self.packer?.pack(piece) ?? piece)
        case .later(let future):
            return .later(future)
        case .end:
            return .end
        }
    }

    /// The last bytes of packing at the end; nil if nothing is packed.
    func finish() -> ByteBuffer? {
        self.packer?.finish()
    }
}

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

    /// Packs a piece; the output may be empty, and may belong to earlier pieces.
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
