import NIOCore

/// A socket's side of a channel: takes everything at once, or nothing until it is full, and shows the flushed bytes.
final class ScheduleSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Beyond this many waiting bytes the channel is not writable.
    private let maximumBufferedBytes: Int
    /// How many bytes wait.
    private(set) var waitingBytes = 0
    private(set) var mostWaitingBytes = 0
    private var isStalled = false
    /// Takes the flushed bytes; without it everything is passed on.
    var onFlush: (([UInt8]) -> Void)?
    /// Called within the write that fills the socket, as NIO does.
    var onFull: () -> Void = {}
    private var written: [UInt8] = []

    init(maximumBufferedBytes: Int = .max) {
        self.maximumBufferedBytes = maximumBufferedBytes
    }

    /// The socket takes nothing, and there is room for this many bytes; nil: it takes all.
    func setRoom(_ bytes: Int?) {
        self.isStalled = bytes != nil
        self.waitingBytes = bytes.map { max(0, self.maximumBufferedBytes - $0) } ?? 0
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard self.onFlush != nil else {
            context.write(data, promise: promise)
            return
        }
        let bytes = self.unwrapOutboundIn(data)
        self.written += bytes.readableBytesView
        guard self.isStalled else {
            return
        }
        let wasFull = self.waitingBytes > self.maximumBufferedBytes
        self.waitingBytes += bytes.readableBytes
        self.mostWaitingBytes = max(self.mostWaitingBytes, self.waitingBytes)
        if !wasFull, self.waitingBytes > self.maximumBufferedBytes {
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
