internal import NIOCore

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

    /// What is to be written next.
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

    /// What packing still owes at the end; nil where nothing is packed.
    func finish() -> ByteBuffer? {
        self.packer?.finish()
    }
}
