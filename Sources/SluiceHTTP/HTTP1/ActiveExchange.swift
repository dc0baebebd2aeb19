internal import NIOCore

/// A request at work, as its connection holds it.
///
/// A class, so that a body grows in place.
internal final class ActiveExchange {
    let exchange: HTTPExchange
    let handler: any RequestHandler
    var machine: ExchangeMachine
    /// Whether pieces of a streamed answer go out as chunks.
    var isChunkedAnswer = false
    /// Whether the connection's end is the only end that the answer has.
    var endsWithConnection = false
    /// Whether the connection ends with this answer.
    var closesAfterAnswer = false
    /// The rest of a long answer, as it is made and written.
    var flow: HTTPBodyFlow?
    /// Whether nothing more of the body is wanted, and the handler gives the refusal in its own time.
    var isRefused = false
    /// The bytes received so far of a body that is collected.
    private(set) var collected: ByteBuffer?
    /// The counted bytes of the body, until the exchange is over: also while its handler has it.
    private var share: RequestMemory.Share
    /// How many bytes of a streamed body were received; distinguishes one silence from the next.
    var streamedByteCount = 0
    /// Whether the handler takes no more of a streamed body for now.
    var isReadingPaused = false

    init(
        exchange: HTTPExchange,
        handler: any RequestHandler,
        machine: ExchangeMachine,
        memory: RequestMemory
    ) {
        self.share = RequestMemory.Share(of: memory)
        self.exchange = exchange
        self.handler = handler
        self.machine = machine
    }

    /// Adds to the body.
    ///
    /// The first piece, which mostly is all of it, is not copied.
    ///
    /// - Returns: Whether there is room for it.
    func collect(_ bytes: ByteBuffer) -> Bool {
        guard self.share.set((self.collected?.readableBytes ?? 0) + bytes.readableBytes) else { return false }
        if self.collected == nil {
            self.collected = bytes
        } else {
            self.collected?.writeImmutableBuffer(bytes)
        }
        return true
    }

    /// Counts bytes of a streamed body that are received and not taken.
    ///
    /// - Returns: Whether there is room for them.
    func hold(_ byteCount: Int) -> Bool {
        self.share.set(byteCount)
    }

    /// The body, for the handler.
    func takeCollected() -> ByteBuffer? {
        self.collected.take()
    }
}
