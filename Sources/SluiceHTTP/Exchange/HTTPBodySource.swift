package import NIOCore

/// A body that is made while it drains, a piece at a time, so that a long answer holds no more than the socket has room
/// for.
///
/// Belongs to the connection's event loop. The connection asks for the next piece when the one before has left, and
/// releases the source when the answer is over or the peer is gone.
package protocol HTTPBodySource: AnyObject {
    /// How many bytes it makes in all, if that is known before.
    var byteCount: Int? { get }

    /// The next piece of the body.
    ///
    /// - Parameter maximumBytes: About how long a piece may be; an element that cannot be divided may make it longer.
    /// - Returns: A piece, or that there is none yet, or that the body is over.
    func next(maximumBytes: Int) -> HTTPBodyPiece
}

/// The answer of a source at one moment.
package enum HTTPBodyPiece {
    /// The next bytes; none is allowed, and says nothing.
    case bytes(ByteBuffer)
    /// Nothing yet: ask again once this is done, however it ended.
    case later(EventLoopFuture<Void>)
    /// The body is complete.
    case end
}

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
    ///   - head: The text before the first element, the opening bracket included.
    ///   - tail: The text after the last element, from the closing bracket on.
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

/// A body that is there as a whole, and leaves in pieces.
final class HTTPBufferBody: HTTPBodySource {
    let byteCount: Int?
    private var rest: ByteBuffer

    /// Nil for a body that needs no pieces.
    ///
    /// - Parameters:
    ///   - body: The whole body, if there is one.
    ///   - limit: A body up to this size needs no pieces.
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
