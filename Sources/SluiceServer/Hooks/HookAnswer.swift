internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Keeps the head of a receiver's answer.
///
/// The body is read, so that the connection can be used again, and dropped; a body beyond a bound ends the connection
/// instead.
final class HookAnswer: HTTPClientResponseDelegate, Sendable {
    private struct Endless: Error {}

    private struct State {
        var head: HTTPResponseHead?
        var bodyBytes = 0
    }

    /// The most bytes of a body that are read.
    static let maximumBodyBytes = 64 * 1024

    private let state = Mutex(State())

    /// The head, if it came; what it says holds, however the body ends.
    var head: HTTPResponseHead? { self.state.withLock { $0.head } }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        self.state.withLock { $0.head = head }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let isEndless = self.state.withLock { state in
            state.bodyBytes += buffer.readableBytes
            return state.bodyBytes > Self.maximumBodyBytes
        }
        return isEndless ? task.eventLoop.makeFailedFuture(Endless()) : task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) {}
}
