package import NIOCore

/// A body of JSON with one long list in it, whose elements are written as it drains.
package final class HTTPListBody: HTTPBodySource {
    package let byteCount: Int? = nil
    private let count: Int
    private let write: (Int, inout ByteBuffer) -> Void
    private var index = 0
    private var head: ByteBuffer?
    private var tail: ByteBuffer?

    /// A body of `count` elements.
    ///
    /// - Parameters:
    ///   - head: What stands before the first element, the opening bracket included.
    ///   - tail: What stands behind the last one, from the closing bracket on.
    ///   - count: How many elements there are.
    ///   - write: Writes one of them, by its number from 0 on; called once for each, in order.
    package init(head: ByteBuffer, tail: ByteBuffer, count: Int, write: @escaping (Int, inout ByteBuffer) -> Void) {
        self.head = head
        self.tail = tail
        self.count = count
        self.write = write
    }

    package func next(maximumBytes: Int) -> HTTPBodyPiece {
        var piece = self.head.take() ?? ByteBuffer()
        while self.index < self.count, piece.readableBytes < maximumBytes {
            if self.index > 0 {
                piece.writeInteger(UInt8(ascii: ","))
            }
            self.write(self.index, &piece)
            self.index += 1
        }
        if self.index == self.count, let tail = self.tail.take() {
            piece.writeImmutableBuffer(tail)
        }
        return piece.readableBytes > 0 ? .bytes(piece) : .end
    }
}
