package import NIOCore
package import SluiceHTTP

/// A handler that records its calls, and does what the test says.
package final class RecordingHandler: RequestHandler {
    package let bodyMode: BodyMode
    private let onStart: (HTTPExchange) -> Void
    private let onEnd: (HTTPExchange, ByteBuffer) -> Void
    package private(set) var exchange: HTTPExchange?
    package private(set) var events: [String] = []
    /// The largest storage that a piece of the body was a part of.
    package private(set) var largestStorageBytes = 0
    /// Whether it gives the answers itself that the connection would give for it.
    package var refusesItself = false

    package init(
        _ bodyMode: BodyMode = .none,
        onStart: @escaping (HTTPExchange) -> Void = { _ in },
        onEnd: @escaping (HTTPExchange, ByteBuffer) -> Void = { _, _ in }
    ) {
        self.bodyMode = bodyMode
        self.onStart = onStart
        self.onEnd = onEnd
    }

    package func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        self.events.append("start")
        self.onStart(exchange)
    }

    package func receivedBody(_ body: ByteBuffer) {
        self.events.append("body \(String(buffer: body))")
        self.largestStorageBytes = max(self.largestStorageBytes, body.storageCapacity)
        self.exchange.map { self.onEnd($0, body) }
    }

    package func receivedBytes(_ bytes: ByteBuffer) {
        self.events.append("bytes \(String(buffer: bytes))")
        self.largestStorageBytes = max(self.largestStorageBytes, bytes.storageCapacity)
    }

    package func receivedTrailers(_ trailers: HeaderFields) {
        var lines = ByteBuffer()
        trailers.write(into: &lines)
        self.events.append("trailers \(String(buffer: lines).split(separator: "\r\n").joined(separator: ", "))")
    }

    package func receivedEnd() {
        self.events.append("end")
        self.exchange.map { self.onEnd($0, ByteBuffer()) }
    }

    package func refusing(_ problem: Problem) -> Bool {
        guard self.refusesItself else { return false }
        self.events.append("refusing \(problem.code.rawValue)")
        return true
    }

    package func aborted(_ reason: AbortReason) {
        self.events.append("aborted \(reason)")
    }

    package func writabilityChanged(isWritable: Bool) {
        self.events.append("writable \(isWritable)")
    }

    package func draining() {
        self.events.append("draining")
    }
}
