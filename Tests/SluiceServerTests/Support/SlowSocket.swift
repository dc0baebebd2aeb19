import NIOCore
import NIOEmbedded

/// A socket in the test's hand: what is written waits, and is counted, until the test has it taken.
///
/// Stands first in the pipeline, and sets the channel's writability as a real one does.
final class SlowSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let high: Int
    private let channel: EmbeddedChannel
    private var context: ChannelHandlerContext?
    private(set) var waitingBytes = 0
    /// The most that ever waited.
    private(set) var peakBytes = 0
    /// How often the socket was read, or would have been.
    private(set) var readCount = 0
    /// Whether everything is taken at once.
    var isOpen = false {
        didSet {
            if self.isOpen { self.take() }
        }
    }

    init(_ channel: EmbeddedChannel, high: Int = 64 * 1024) throws {
        self.channel = channel
        self.high = high
        try channel.pipeline.syncOperations.addHandler(self, position: .first)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let byteCount = self.unwrapOutboundIn(data).readableBytes
        self.waitingBytes += byteCount
        self.peakBytes = max(self.peakBytes, self.waitingBytes)
        context.write(data, promise: promise)
        if self.waitingBytes > self.high {
            self.setWritable(false)
        }
    }

    func flush(context: ChannelHandlerContext) {
        if self.isOpen {
            self.take()
        }
    }

    func read(context: ChannelHandlerContext) {
        self.readCount += 1
        context.read()
    }

    /// Nothing more fits, however little waits.
    func setFull() {
        self.setWritable(false)
    }

    /// The peer takes all that waits.
    func take() {
        self.waitingBytes = 0
        self.context?.flush()
        self.setWritable(true)
    }

    private func setWritable(_ isWritable: Bool) {
        guard self.channel.isWritable != isWritable else { return }
        self.channel.isWritable = isWritable
        self.channel.pipeline.fireChannelWritabilityChanged()
    }
}
