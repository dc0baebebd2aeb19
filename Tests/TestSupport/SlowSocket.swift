package import NIOCore
package import NIOEmbedded

/// A socket under the test's control: written bytes wait, and are counted, until the test has them taken.
///
/// Stands first in the pipeline, and sets the channel's writability as a real one does.
package final class SlowSocket: ChannelOutboundHandler {
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let high: Int
    private let channel: EmbeddedChannel
    private var context: ChannelHandlerContext?
    package private(set) var waitingBytes = 0
    /// The most that ever waited.
    package private(set) var peakBytes = 0
    /// How often the socket was read, or would have been.
    package private(set) var readCount = 0
    /// Whether everything is taken at once.
    package var isOpen = false {
        didSet {
            if self.isOpen { self.take() }
        }
    }

    package init(_ channel: EmbeddedChannel, high: Int = 64 * 1024) throws {
        self.channel = channel
        self.high = high
        try channel.pipeline.syncOperations.addHandler(self, position: .first)
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let byteCount = self.unwrapOutboundIn(data).readableBytes
        self.waitingBytes += byteCount
        self.peakBytes = max(self.peakBytes, self.waitingBytes)
        context.write(data, promise: promise)
        if self.waitingBytes > self.high {
            self.setWritable(false)
        }
    }

    package func flush(context: ChannelHandlerContext) {
        if self.isOpen {
            self.take()
        }
    }

    package func read(context: ChannelHandlerContext) {
        self.readCount += 1
        context.read()
    }

    /// Nothing more fits, however little waits.
    package func setFull() {
        self.setWritable(false)
    }

    /// The peer takes all that waits.
    package func take() {
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
