import NIOCore

@testable import SluiceServer

/// A handler that writes down what it is told, and does what the test says.
final class RecordingHandler: RequestHandler {
    let bodyMode: BodyMode
    private let onStart: (HTTPExchange) -> Void
    private let onEnd: (HTTPExchange, ByteBuffer) -> Void
    private(set) var exchange: HTTPExchange?
    private(set) var events: [String] = []
    /// Whether it answers itself what the connection would refuse for it.
    var refusesItself = false

    init(
        _ bodyMode: BodyMode = .none,
        onStart: @escaping (HTTPExchange) -> Void = { _ in },
        onEnd: @escaping (HTTPExchange, ByteBuffer) -> Void = { _, _ in }
    ) {
        self.bodyMode = bodyMode
        self.onStart = onStart
        self.onEnd = onEnd
    }

    func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        self.events.append("start")
        self.onStart(exchange)
    }

    func receivedBody(_ body: ByteBuffer) {
        self.events.append("body \(String(buffer: body))")
        self.exchange.map { self.onEnd($0, body) }
    }

    func receivedBytes(_ bytes: ByteBuffer) {
        self.events.append("bytes \(String(buffer: bytes))")
    }

    func receivedEnd() {
        self.events.append("end")
        self.exchange.map { self.onEnd($0, ByteBuffer()) }
    }

    func refusing(_ problem: Problem) -> Bool {
        guard self.refusesItself else { return false }
        self.events.append("refusing \(problem.code.rawValue)")
        return true
    }

    func aborted(_ reason: AbortReason) {
        self.events.append("aborted \(reason)")
    }

    func writabilityChanged(isWritable: Bool) {
        self.events.append("writable \(isWritable)")
    }

    func draining() {
        self.events.append("draining")
    }
}
