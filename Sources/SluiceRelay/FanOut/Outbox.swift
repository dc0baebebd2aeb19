import DequeModule
package import NIOCore

/// What goes to one connection.
///
/// Knows whether its socket drains, and counts what it was given.
///
/// Nothing is queued here beyond what was handed to the channel: a subscriber whose outbox is not writable only keeps
/// its place in the log. Loop-confined to the connection's loop.
package final class Outbox {
    /// What a connection was given.
    package struct Counts: Sendable, Equatable {
        package var frames = 0
        package var messages = 0
        package var bytes = 0
        package var lagFrames = 0

        package init() {}
    }

    /// What the connection was given.
    package private(set) var counts = Counts()
    /// Whether the socket takes more: less than `max_buffered` bytes wait for it.
    package private(set) var isWritable = true
    /// Since when it does not; nil while it does, and once the connection is closing.
    package private(set) var blockedSince: NIODeadline?

    private let context: ChannelHandlerContext
    private let fanOut: LoopFanOut
    private var isOpen = true
    private var isDirty = false
    /// Subscriptions that are behind and want the next page, in turn, one page at a time for the whole connection.
    private var readers: Deque<SubscriptionID> = []
    private var awaitedPage: SubscriptionID?

    /// The outbox of the connection whose last handler has this context; its outbound type is `ByteBuffer`.
    package init(context: ChannelHandlerContext, fanOut: LoopFanOut) {
        context.eventLoop.assertInEventLoop()
        self.context = context
        self.fanOut = fanOut
        self.isWritable = context.channel.isWritable
    }

    /// Writes encoded frames; they leave at the end of this loop turn, with all else that was written in it.
    package func write(_ frames: ByteBuffer, frameCount: Int = 1, messageCount: Int = 0, lagCount: Int = 0) {
        guard self.isOpen else {
            return
        }
        self.counts.frames += frameCount
        self.counts.messages += messageCount
        self.counts.bytes += frames.readableBytes
        self.counts.lagFrames += lagCount
        self.context.write(NIOAny(frames), promise: nil)
        if !self.isDirty {
            self.isDirty = true
            self.fanOut.flushLater(self)
        }
    }

    /// The end of a loop turn: what was written leaves.
    package func flush() {
        self.isDirty = false
        if self.isOpen {
            self.context.flush()
        }
    }

    /// The channel's writability changed.
    package func writabilityChanged(isWritable: Bool, now: NIODeadline) {
        guard self.isOpen else {
            return
        }
        self.isWritable = isWritable
        self.blockedSince = isWritable ? nil : (self.blockedSince ?? now)
        self.readNext()
    }

    /// The connection is closing: nothing more is written.
    package func close() {
        self.isOpen = false
        self.blockedSince = nil
        self.readers.removeAll()
    }

    /// A subscription is behind, and goes on reading the log when its turn comes and the socket drains.
    func fellBehind(_ id: SubscriptionID) {
        self.readers.append(id)
        self.readNext()
    }

    /// The page that was asked for has been written, or there is none.
    func pageWritten(_ id: SubscriptionID, readsOn: Bool) {
        self.awaitedPage = nil
        if readsOn {
            self.readers.append(id)
        }
        self.readNext()
    }

    /// A subscription is over: its page will not come.
    func forget(_ id: SubscriptionID) {
        if self.awaitedPage == id {
            self.pageWritten(id, readsOn: false)
        }
    }

    private func readNext() {
        guard self.isOpen, self.isWritable, self.awaitedPage == nil else {
            return
        }
        while let id = self.readers.popFirst() {
            // Set first: the answer may come before the call returns.
            self.awaitedPage = id
            if self.fanOut.requestPage(id) {
                return
            }
            self.awaitedPage = nil
        }
    }
}
