internal import NIOCore
internal import SluiceBase

/// Reads HTTP/1.1 off the socket: gives one request at a time to the connection's handler, its head and the pieces of
/// its body, and holds the rest.
///
/// So pipelined requests wait as bytes, not as objects; the socket is not read while they do; nothing behind what has
/// been refused is looked at; and when another protocol takes the connection over, what was read too far is still here.
internal final class HTTPByteGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How the body is framed that follows a head.
    enum BodyFraming {
        case none
        case length(Int)
        case chunked
    }

    /// The kind of the next bytes.
    private enum Phase {
        case head
        case length(Int)
        case chunked(ChunkedBodyReader)
        /// A whole request is with the handler; the bytes of the next one stay here.
        case waiting
        /// Later bytes are of no use.
        case discarding
        /// The connection is being handed over; all that comes stays here.
        case holding
    }

    /// Beyond this the socket is not read while bytes wait.
    ///
    /// Below it is, so that the peer's leaving is noticed.
    private static let maximumHeldBytes = 16 * 1024

    /// The most bytes let through in one turn of the loop, and at once.
    private static let maximumTurnBytes = 256 * 1024
    private static let maximumPieceBytes = 64 * 1024

    private let limits: HTTPLimits
    /// The connection's handler, as long as the gate stands in the pipeline.
    private var owner: HTTPConnectionHandler?
    private(set) var context: ChannelHandlerContext?
    private var phase = Phase.head
    /// Reads heads, one after the other; made anew for each that it has seen any of.
    private var reader: RequestHeadReader
    private var isReaderNew = true
    private(set) var held = ByteBuffer()
    private var share: RequestMemory.Share
    /// How many of the held bytes the head's reader has seen already.
    private var scannedByteCount = 0
    private var isPumping = false
    private var isReadSuppressed = false
    /// Whether more of the held bytes go through in the loop's next turn.
    private(set) var awaitsTurn = false
    /// Whether channelReadComplete, which flushes the writes, is still to come.
    private(set) var isReading = false
    /// Whether the handler of a streamed body takes no more for now.
    private var isPaused = false
    private(set) var discardedByteCount = 0
    /// The head that was read last; nil if it is not worth remembering.
    private var repeatedHead: RepeatedHead?

    init(limits: HTTPLimits, memory: RequestMemory) {
        self.limits = limits
        self.share = RequestMemory.Share(of: memory)
        self.reader = RequestHeadReader(limits: limits)
    }

    /// Ties the gate to the connection's handler.
    func attach(to owner: HTTPConnectionHandler) {
        self.owner = owner
    }

    /// Whether some of a head has arrived, and the rest has not.
    var isWithinHead: Bool {
        if case .head = self.phase { !self.isReaderNew || self.held.readableBytes > 0 } else { false }
    }

    /// How many bytes wait here.
    var heldByteCount: Int {
        self.held.readableBytes
    }

    // MARK: Decisions of the handler

    /// The head that was let through last means this; the same bytes need not be read again.
    func remember(_ accepted: RequestHeadCheck.Accepted) -> RequestHeadCheck.Accepted {
        var accepted = accepted
        self.repeatedHead = RepeatedHead(&accepted)
        return accepted
    }

    /// The head that was let through last has been accepted, and this follows.
    func bodyFollows(_ framing: BodyFraming) {
        switch framing {
        case .none, .length(0): self.phase = .waiting
        case .length(let byteCount): self.phase = .length(byteCount)
        case .chunked: self.phase = .chunked(ChunkedBodyReader(limits: self.limits))
        }
    }

    /// The next request may come through.
    func nextRequest() {
        self.phase = .head
        if !self.isReaderNew {
            self.reader = RequestHeadReader(limits: self.limits)
            self.isReaderNew = true
        }
        self.isPaused = false
        self.pump()
    }

    /// Pauses or resumes letting a body through.
    func setPaused(_ isPaused: Bool) {
        self.isPaused = isPaused
        self.pump()
    }

    /// Nothing more passes: bytes that arrive are counted and discarded.
    func discard() {
        self.phase = .discarding
        self.pump()
    }

    /// Nothing more comes through until `release`.
    func hold() {
        self.phase = .holding
    }

    /// Passes the held bytes on to the handler now behind the gate, and leaves the pipeline.
    func release() {
        guard let context = self.context else { return }
        let held = self.held
        self.held = ByteBuffer()
        _ = self.share.set(0)
        if held.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(held))
            context.fireChannelReadComplete()
        }
        if let owner = self.owner, owner.tellsInputClosed, owner.isInputClosed {
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        if self.isReadSuppressed {
            context.read()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    // MARK: The way of the bytes

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.owner = nil
        self.repeatedHead = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.isReading = true
        var bytes = self.unwrapInboundIn(data)
        if self.held.readableBytes == 0 {
            self.held = bytes
        } else {
            if self.held.readerIndex >= Self.maximumHeldBytes {
                // The buffer does not reclaim by itself what was read of it, and a peer may see to it that it is never empty.
                self.held.discardReadBytes()
            }
            self.held.writeBuffer(&bytes)
        }
        self.pump()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.owner?.readCompleted()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if self.wantsBytes {
            context.read()
        } else {
            self.isReadSuppressed = true
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            self.owner?.inputClosed()
        case is ChannelShouldQuiesceEvent:
            self.owner?.drain()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private var wantsBytes: Bool {
        switch self.phase {
        case .discarding: true
        // While the peer leaves answers unread no head is taken, and nothing else limits the bytes that pile up in
        // front of it.
        case .head: self.owner?.acceptsRequest ?? false || self.held.readableBytes < Self.maximumHeldBytes
        case .length, .chunked: !self.isPaused
        case .waiting, .holding: self.held.readableBytes < Self.maximumHeldBytes
        }
    }

    /// Lets the allowed bytes through.
    ///
    /// Calls of itself, from handlers that answer at once, come back here by the loop.
    func pump() {
        guard !self.isPumping, let context = self.context else { return }
        self.isPumping = true
        let end = self.held.readableBytes - Self.maximumTurnBytes
        while self.held.readableBytes > max(0, end), self.step() {}
        self.isPumping = false
        if end > 0, self.held.readableBytes <= end, !self.awaitsTurn {
            self.awaitsTurn = true
            context.eventLoop.nextTurn {
                self.awaitsTurn = false
                self.pump()
            }
        }
        if !self.share.set(self.held.readableBytes) {
            // A peer that leaves has all that the system held for it read in one go.
            self.held = ByteBuffer()
            _ = self.share.set(0)
            self.owner?.refuseHeld()
        }
        // A slice of little would keep the whole receive buffer alive on a connection on which no more comes.
        self.held = self.held.released()
        self.owner?.settle()
        if self.isReadSuppressed, self.wantsBytes {
            self.isReadSuppressed = false
            context.read()
        }
    }

    /// Takes one step with the bytes that are held.
    ///
    /// - Returns: Whether another one may be possible.
    private func step() -> Bool {
        switch self.phase {
        case .head:
            return self.stepHead()
        case .length(let remaining):
            guard !self.isPaused else { return false }
            let byteCount = min(remaining, self.held.readableBytes, Self.maximumPieceBytes)
            self.phase = remaining == byteCount ? .waiting : .length(remaining - byteCount)
            self.deliver(byteCount)
            self.endIfWhole()
            return true
        case .chunked(var reader):
            guard !self.isPaused else { return false }
            return self.stepChunk(&reader)
        case .discarding:
            self.discardedByteCount += self.held.readableBytes
            self.held = ByteBuffer()
            return false
        case .waiting, .holding:
            return false
        }
    }

    private func stepHead() -> Bool {
        guard let owner, owner.acceptsRequest else { return false }
        if self.isReaderNew, self.stepRepeatedHead(owner) {
            return true
        }
        // A reader that has seen nothing is as good as a new one, and an idle connection has no head.
        self.isReaderNew = self.isReaderNew && self.held.readableBytes == 0
        switch self.reader.consume(self.held.readableBytesUInt8Span, from: self.scannedByteCount) {
        case .incomplete:
            self.scannedByteCount = self.held.readableBytes
            return false
        case .complete(let byteCount):
            self.scannedByteCount = 0
            guard let bytes = self.held.readBytes(length: byteCount), let head = self.reader.head(bytes) else {
                preconditionFailure("a head that was read to its end is not there")
            }
            // Until the handler has judged it nothing may follow.
            self.phase = .waiting
            owner.receivedHead(head)
            self.endIfWhole()
            return true
        case .refused(let code, let detail):
            self.scannedByteCount = 0
            // Whatever the refusal leads to: what was refused is not read again.
            self.phase = .discarding
            owner.refuseConnection(Problem(code, detail))
            return true
        }
    }

    /// Lets the same head as before through, if it is there as a whole.
    private func stepRepeatedHead(_ owner: HTTPConnectionHandler) -> Bool {
        guard let repeatedHead else { return false }
        let limit = self.limits.maximumHeadBytes
        switch repeatedHead.judge(self.held.readableBytesUInt8Span, maximumBytes: limit) {
        case .other:
            return false
        case .same:
            self.held.moveReaderIndex(forwardBy: repeatedHead.byteCount)
            // Until the handler has judged it nothing may follow.
            self.phase = .waiting
            owner.received(repeatedHead.accepted)
        case .sameOfLength(let accepted):
            self.held.moveReaderIndex(forwardBy: repeatedHead.byteCount)
            self.phase = .waiting
            owner.received(accepted)
        }
        self.endIfWhole()
        return true
    }

    private func stepChunk(_ reader: inout ChunkedBodyReader) -> Bool {
        let byteCount = min(self.held.readableBytes, Self.maximumPieceBytes)
        switch reader.consume(self.held.readableBytesUInt8Span.extracting(0..<byteCount)) {
        case .incomplete:
            self.held.moveReaderIndex(forwardBy: byteCount)
            self.phase = .chunked(reader)
        case .data(let framing, let byteCount):
            self.held.moveReaderIndex(forwardBy: framing)
            self.phase = .chunked(reader)
            self.deliver(byteCount)
        case .complete(let byteCount):
            self.held.moveReaderIndex(forwardBy: byteCount)
            self.phase = .waiting
            if let trailers = reader.trailers {
                self.owner?.receivedTrailers(trailers)
            }
            self.endIfWhole()
        case .refused(let detail):
            self.phase = .discarding
            self.owner?.refuseBody(detail)
        }
        return true
    }

    private func deliver(_ byteCount: Int) {
        guard let bytes = self.held.readSlice(length: byteCount) else {
            preconditionFailure("a reader counted more bytes than there are")
        }
        // The last piece goes to a handler that is done with it soon; others may be kept for as long as the body takes.
        if case .waiting = self.phase {
            self.owner?.receivedBody(bytes)
        } else {
            self.owner?.receivedBody(bytes.released())
        }
    }

    /// Tells the handler that its request is whole, unless it is past it by now.
    private func endIfWhole() {
        if case .waiting = self.phase { self.owner?.receivedEnd() }
    }
}

@available(*, unavailable)
extension HTTPByteGate: Sendable {}
