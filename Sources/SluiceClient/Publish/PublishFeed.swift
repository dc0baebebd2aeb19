import NIOCore
import Synchronization

/// Where the reader of a stream meets the requests that carry it.
///
/// The stream is read only as fast as it is sent. A request that is over gets nothing more: the next request gets the
/// rest.
final class PublishFeed: Sendable {
    private struct State: Sendable {
        var ledger = PublishLedger()

        /// The request under way, and the alarm that wakes it when there are lines.
        var request = 0
        var news = Alarm()
        var isClosed = false
    }

    /// The body of one request.
    struct Body: AsyncSequence, AsyncIteratorProtocol, Sendable {
        typealias Element = ByteBuffer

        fileprivate let feed: PublishFeed
        fileprivate let request: Int
        fileprivate let news: Alarm

        func makeAsyncIterator() -> Body { self }

        /// The next lines; nothing at the stream's end, and when the request is over.
        func next() async -> ByteBuffer? {
            let feed = self.feed
            let request = self.request
            return await withTaskCancellationHandler {
                while !Task.isCancelled {
                    switch feed.take(for: request) {
                    case .lines(let piece):
                        return piece
                    case .end:
                        return nil
                    case .wait:
                        await self.news.sleep(until: .now + .seconds(3600))
                    }
                }
                return nil
            } onCancel: {
                self.news.ring()
            }
        }
    }

    private enum Next {
        case lines(ByteBuffer)
        case wait
        case end
    }

    private let state = Mutex(State())

    /// Wakes the reader that waits for room.
    private let room = Alarm()

    /// Takes more of the stream, and waits while there is no room.
    ///
    /// - Returns: Whether more is wanted.
    func append(_ piece: ByteBuffer) async -> Bool {
        self.change { $0.append(piece) }
        while self.state.withLock({ $0.ledger.isFull && !$0.isClosed }) {
            await self.room.sleep(until: .now + .seconds(3600))
        }
        return self.state.withLock { !$0.isClosed }
    }

    /// The stream has ended.
    func finish() {
        self.change { $0.finish() }
    }

    /// The receiver wants no more.
    func close() {
        self.state.withLock { state in
            state.isClosed = true
            state.news.ring()
        }
        self.room.ring()
    }

    /// Begins a request.
    func body() -> Body {
        self.state.withLock { state in
            state.request += 1
            state.news = Alarm()
            return Body(feed: self, request: state.request, news: state.news)
        }
    }

    /// A request is over: it gets nothing more, whatever arrives.
    ///
    /// - Parameter body: Gets the ledger of the lines sent, at a time when they no longer change.
    /// - Returns: What `body` returns.
    func endRequest<Result: Sendable>(_ body: (inout PublishLedger) -> sending Result) -> Result {
        self.state.withLock { state in
            state.request += 1
            state.news.ring()
            return body(&state.ledger)
        }
    }

    private func change(_ body: (inout PublishLedger) -> Void) {
        self.state.withLock { state in
            body(&state.ledger)
            state.news.ring()
        }
    }

    private func take(for request: Int) -> Next {
        let (next, hasRoom): (Next, Bool) = self.state.withLock { state in
            guard request == state.request, !state.isClosed else { return (.end, false) }
            if let piece = state.ledger.nextPiece() { return (.lines(piece), !state.ledger.isFull) }
            return (state.ledger.hasEnded ? .end : .wait, false)
        }
        if hasRoom { self.room.ring() }
        return next
    }
}
