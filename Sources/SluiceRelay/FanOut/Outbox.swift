import DequeModule
package import NIOCore

/// The outgoing bytes of one connection.
///
/// Knows whether its socket drains and how much it may still take, and counts the bytes it was given.
///
/// Nothing is queued here beyond the bytes handed to the channel: a subscriber whose outbox has no room only keeps its
/// place in the log. No more than `max_buffered` bytes wait for the socket, and one page of the log besides.
/// Loop-confined to the connection's loop.
package final class Outbox {
    /// Counts of everything a connection was given.
    package struct Counts: Sendable, Equatable {
        package var frames = 0
        package var messages = 0
        package var bytes = 0
        package var lagFrames = 0

        package init() {}
    }

    /// No page needs more room.
    private static let wantedRoom = 1024 * 1024

    /// Counts of everything the connection was given.
    package var counts: Counts { self.tally }
    private var tally = Counts()
    /// Whether the socket takes more: less than `max_buffered` bytes wait for it.
    package var isWritable: Bool { self.takesMore }
    // What other modules see is looked up at each access whether another one is under way.
    private var takesMore = true
    /// Since when it does not; nil while it does, and once the connection is closing.
    package private(set) var blockedSince: NIODeadline?

    private let context: ChannelHandlerContext
    private let fanOut: LoopFanOut
    private let maximumBufferedBytes: Int
    private let askWaitingBytes: (any Channel) -> Int
    private var isOpen = true
    private var isDirty = false
    /// Whether its turn to read on is to come.
    var isReadingLater = false
    /// Bytes that were written in this turn of the loop.
    private var unflushedBytes = 0
    /// The most bytes that can wait for the socket: the bytes that waited at the last question, and all written after
    /// it.
    private var mostWaitingBytes = 0
    /// Subscriptions that are behind and want the next page, in turn, one page at a time for the whole connection.
    private var readers: Deque<SubscriptionID> = []
    private var awaitedPage: SubscriptionID?

    /// The outbox of a connection.
    ///
    /// - Parameters:
    ///   - context: That of the connection's last handler; its outbound type is `ByteBuffer`.
    ///   - fanOut: The subscribers of its loop.
    ///   - maximumBufferedBytes: The most bytes that may wait for the socket; its channel is not writable beyond them.
    ///   - waitingBytes: Asks a channel how many do.
    package init(
        context: ChannelHandlerContext,
        fanOut: LoopFanOut,
        maximumBufferedBytes: Int,
        waitingBytes: @escaping (any Channel) -> Int = Outbox.waitingBytes
    ) {
        context.eventLoop.assertInEventLoop()
        self.context = context
        self.fanOut = fanOut
        self.maximumBufferedBytes = maximumBufferedBytes
        self.askWaitingBytes = waitingBytes
        self.takesMore = context.channel.isWritable
    }

    /// How many bytes were flushed to a channel and not taken by its socket.
    package static func waitingBytes(_ channel: any Channel) -> Int {
        (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// How many bytes wait for the socket.
    var socketBytes: Int { self.askWaitingBytes(self.context.channel) }

    /// Whether this many bytes may be written now.
    package func hasRoom(for byteCount: Int) -> Bool {
        self.takesMore && byteCount <= self.room(for: byteCount)
    }

    /// How many bytes may be written now; exact only up to the number asked for.
    ///
    /// The channel is asked only after a quarter of `max_buffered` was written, and before the first write of a turn of
    /// the loop: of those in it, it counts some and TLS holds others.
    private func room(for byteCount: Int) -> Int {
        let room = self.maximumBufferedBytes - self.mostWaitingBytes
        if self.unflushedBytes == 0, room < max(byteCount, self.maximumBufferedBytes / 4 * 3) {
            self.mostWaitingBytes = self.askWaitingBytes(self.context.channel)
        }
        return self.maximumBufferedBytes - self.mostWaitingBytes
    }

    /// Writes encoded frames; they leave at the end of this loop turn, with all else that was written in it.
    package func write(_ frames: ByteBuffer, frameCount: Int = 1, messageCount: Int = 0, lagCount: Int = 0) {
        guard self.isOpen else {
            return
        }
        self.tally.frames += frameCount
        self.tally.messages += messageCount
        self.tally.bytes += frames.readableBytes
        self.tally.lagFrames += lagCount
        self.unflushedBytes += frames.readableBytes
        self.mostWaitingBytes += frames.readableBytes
        self.fanOut.wrote(frames.readableBytes)
        self.context.write(NIOAny(frames), promise: nil)
        if !self.isDirty {
            self.isDirty = true
            self.fanOut.flushLater(self)
        }
    }

    /// The end of a loop turn: the written bytes leave.
    package func flush() {
        self.isDirty = false
        self.unflushedBytes = 0
        if self.isOpen {
            self.context.flush()
            if !self.readers.isEmpty {
                self.fanOut.readLater(self)
            }
        }
    }

    /// It is its turn to ask for the next page.
    func readOn() {
        self.isReadingLater = false
        self.readNext()
    }

    /// The channel's writability changed.
    ///
    /// - Parameters:
    ///   - isWritable: Whether it takes more.
    ///   - now: The loop's time.
    ///   - first: Runs before the next page, which may fill the socket again.
    package func writabilityChanged(isWritable: Bool, now: NIODeadline, first: () -> Void = {}) {
        guard self.isOpen else {
            return
        }
        self.takesMore = isWritable
        self.blockedSince = isWritable ? nil : (self.blockedSince ?? now)
        first()
        self.readNext()
    }

    /// The connection is closing: nothing more is written.
    package func close() {
        self.isOpen = false
        self.blockedSince = nil
        self.readers.removeAll()
    }

    /// A subscription is behind, and reads on in the log when its turn comes and the socket drains.
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
        self.readers.removeAll { $0 == id }
        if self.awaitedPage == id {
            self.pageWritten(id, readsOn: false)
        }
    }

    /// Asks for the next page, of no more bytes than there is room for, but of at least one message.
    ///
    /// If writes of this loop turn took the room, their flush asks again; otherwise the channel is not writable, and
    /// reports when it is.
    private func readNext() {
        guard self.isOpen, self.takesMore, self.awaitedPage == nil, !self.readers.isEmpty else {
            return
        }
        let room = self.room(for: Self.wantedRoom)
        guard room >= 0 else {
            return
        }
        while let id = self.readers.popFirst() {
            // Set first: the answer may come before the call returns.
            self.awaitedPage = id
            if self.fanOut.requestPage(id, room: room) {
                return
            }
            self.awaitedPage = nil
        }
    }
}
