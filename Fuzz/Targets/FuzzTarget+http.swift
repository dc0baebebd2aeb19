import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import SluiceHTTP
@testable import SluiceServer

extension FuzzTarget {
    /// Answers what it collects, and keeps what was asked.
    private final class Router: RequestRouter {
        private(set) var seen: [String] = []

        func refused(_ code: ProblemCode) {}

        func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler {
            self.seen.append("\(request.method.rawValue) \(request.path) \(request.query.all.map { $0.name })")
            return Collector()
        }
    }

    private final class Collector: RequestHandler {
        private var exchange: HTTPExchange?

        var bodyMode: BodyMode { .collect(maximumBytes: 4096) }

        func start(_ exchange: HTTPExchange) {
            self.exchange = exchange
        }

        func receivedBody(_ body: ByteBuffer) {
            self.exchange?.respond(HTTPResponse(status: .ok, headers: []))
        }
    }

    static func runHTTP(_ bytes: [UInt8]) throws(BrokenPromise) {
        let whole = try self.connection(bytes, pieceLength: max(1, bytes.count))
        let pieces = try self.connection(bytes, pieceLength: 1)
        try self.promise(whole.seen == pieces.seen, "requests do not depend on how the bytes arrive")
        try self.promise(whole.statuses == pieces.statuses, "nor do answers")
    }

    private static func connection(
        _ bytes: [UInt8],
        pieceLength: Int
    ) throws(BrokenPromise) -> (seen: [String], statuses: [String]) {
        let channel = EmbeddedChannel()
        let router = Router()
        do {
            try HTTPPipeline.configure(
                channel,
                router: router,
                limits: HTTPLimits(),
                context: HTTPLoopContext(eventLoop: channel.embeddedEventLoop, unixTime: { 784_111_777 }),
                isTLS: false
            )
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4321)).wait()
        } catch {
            throw BrokenPromise(what: "a connection stands: \(error)")
        }
        var start = 0
        while start < bytes.count, channel.isActive {
            let end = min(bytes.count, start + pieceLength)
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[start..<end]))
            channel.embeddedEventLoop.run()
            start = end
        }
        var statuses: [String] = []
        while let answer = try? channel.readOutbound(as: ByteBuffer.self) {
            // Each head is written by itself, perhaps with its body behind it.
            let text = String(buffer: answer)
            if text.hasPrefix("HTTP/1.1 ") {
                statuses.append(String(text.prefix(12)))
            }
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return (router.seen, statuses)
    }

    static func runTarget(_ bytes: [UInt8]) throws(BrokenPromise) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let target = RequestTarget(text, maximumParameterCount: 64) else {
            return
        }
        try self.promise(target.query.all.count <= 64, "parameters are bounded")
        let texts = target.path + target.query.all.flatMap { [$0.name, $0.value] }
        for text in texts {
            try self.promise(
                !text.unicodeScalars.contains { $0.value < 0x20 && target.isDecodable },
                "nothing decoded has controls"
            )
        }
        guard let query = try? SubscriptionQuery(target.query) else {
            return
        }
        try self.promise(query.framesPerSecond.map { $0 >= 0.1 } ?? true, "a rate is within its bounds")
        try self.promise(query.wait.map { $0 >= .zero && $0 <= .seconds(300) } ?? true, "a wait is too")
    }
}
