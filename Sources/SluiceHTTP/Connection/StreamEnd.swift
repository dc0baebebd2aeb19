package import NIOCore

/// The outermost handler of a channel that is one stream of a connection, and has no socket of its own.
///
/// NIO's stream channels know none of a socket's options, and asking them for one ends the process: what would be asked
/// of the socket is asked of this.
package class StreamEnd: ChannelHandler {
    /// How many bytes were written to the stream and not taken by its connection's socket.
    package var waitingBytes: Int { 0 }

    package func handlerAdded(context: ChannelHandlerContext) {}

    package func handlerRemoved(context: ChannelHandlerContext) {}
}

extension Channel {
    /// The end of the stream that this channel is; nil if it is a connection.
    package var streamEnd: StreamEnd? {
        try? self.pipeline.syncOperations.handler(type: StreamEnd.self)
    }
}
