internal import NIOCore

/// A body that is there as a whole, and leaves in pieces.
final class HTTPBufferBody: HTTPBodySource {
    let byteCount: Int?
    private var rest: ByteBuffer

    /// Nil for a body that needs no pieces.
    ///
    /// - Parameters:
    ///   - body: The whole body, if there is one.
    ///   - limit: A body of no more bytes needs no pieces.
    init?(_ body: ByteBuffer?, ifOver limit: Int) {
        guard let body, body.readableBytes > limit else { return nil }
        self.byteCount = body.readableBytes
        self.rest = body
    }

    func next(maximumBytes: Int) -> HTTPBodyPiece {
        let byteCount = min(maximumBytes, self.rest.readableBytes)
        guard byteCount > 0, let piece = self.rest.readSlice(length: byteCount) else { return .end }
        return .bytes(piece)
    }
}
