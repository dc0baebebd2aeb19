import NIOCore

/// A socket's side of a channel: takes bytes until it is full, and shows what was flushed.
final class ScheduleSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How many bytes go in before the socket is full.
    var room = Int.max
    /// Takes what was flushed; without it everything is passed on.
    var onFlush: (([UInt8]) -> Void)?
    /// Called within the write that fills the socket, as NIO does.
    var onFull: () -> Void = {}
    private var written: [UInt8] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard self.onFlush != nil else {
            context.write(data, promise: promise)
            return
        }
        let bytes = self.unwrapOutboundIn(data)
        self.written += bytes.readableBytesView
        guard self.room > 0, self.room != .max else {
            return
        }
        self.room = max(0, self.room - bytes.readableBytes)
        if self.room == 0 {
            self.onFull()
        }
    }

    func flush(context: ChannelHandlerContext) {
        guard self.onFlush != nil else {
            context.flush()
            return
        }
        self.flushNow()
    }

    func flushNow() {
        guard !self.written.isEmpty else {
            return
        }
        let bytes = self.written
        self.written.removeAll()
        self.onFlush?(bytes)
    }
}
