package import NIOCore

/// A body that is made while it drains, a piece at a time: of a long answer no more is held than the socket has room for.
///
/// Belongs to the connection's event loop. The connection asks for the next piece when the one before has left, and lets
/// go of the source when the answer is over or the peer is gone.
package protocol HTTPBodySource: AnyObject {
    /// How many bytes it makes in all, if that is known before.
    var byteCount: Int? { get }

    /// What comes next.
    ///
    /// - Parameter maximumBytes: About how long a piece is to be; one thing that cannot be divided may make it longer.
    /// - Returns: A piece, or that there is none yet, or none any more.
    func next(maximumBytes: Int) -> HTTPBodyPiece
}

/// What a source has at the moment.
package enum HTTPBodyPiece {
    /// The next bytes; none is allowed, and says nothing.
    case bytes(ByteBuffer)
    /// Nothing yet: ask again once this is done, however it ended.
    case later(EventLoopFuture<Void>)
    /// The body is complete.
    case end
}
