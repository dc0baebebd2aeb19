import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import SluiceBase
import Synchronization

@testable import SluiceClient

/// Answers as a gateway would, or as a test wants it to, and keeps the requests.
final class FakeGateway: Sendable {
    /// A request as it came.
    struct Request: Sendable {
        let path: String
        let headers: HTTPHeaders
        let body: [UInt8]

        /// The body's lines, including an incomplete one.
        var lines: [String] {
            self.body.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        }

        /// The messages of a JSON array, each as its text.
        var messages: [String] {
            ((try? JSONReader.read(self.body))?.elements ?? [])
                .map { String(decoding: self.body[$0.range], as: UTF8.self) }
        }
    }

    /// The answer to give.
    struct Answer: Sendable {
        var status = 202
        var headers: [(String, String)] = []
        var body = "{}"

        /// Whether the connection is cut instead.
        var isCut = false

        static let accepted = Answer()
    }

    /// The script of one WebSocket connection: frames of text, then a close; with no code the connection is cut.
    struct Script: Sendable {
        var frames: [String]
        var closeCode: UInt16?
        var closeReason = ""

        /// Whether a ping is sent, and the rest only after its pong.
        var pings = false
    }

    private struct State: Sendable {
        var requests: [Request] = []
        var upgrades: [Request] = []
        var connectionCount = 0
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)
    private let answer: @Sendable (Request, _ index: Int) -> Answer
    private let answersEarly: @Sendable (Request, _ index: Int) -> Bool
    private let script: @Sendable (_ index: Int) -> Script?

    /// A gateway that is not there yet.
    ///
    /// - Parameter answer: The answer to the n-th request, once its body is complete.
    convenience init(_ answer: @escaping @Sendable (Request, _ index: Int) -> Answer = { _, _ in .accepted }) {
        self.init(answersEarly: { _, _ in false }, answer)
    }

    /// A gateway that is not there yet, for streams.
    ///
    /// - Parameters:
    ///   - answersEarly: Whether the n-th request, a stream, is answered when this much of it has come, and not at its
    ///     end.
    ///   - answer: The answer to the n-th request, once its body is complete.
    init(
        answersEarly: @escaping @Sendable (Request, _ index: Int) -> Bool,
        _ answer: @escaping @Sendable (Request, _ index: Int) -> Answer
    ) {
        self.answersEarly = answersEarly
        self.answer = answer
        self.script = { _ in nil }
    }

    /// A gateway that is not there yet, for WebSocket clients.
    ///
    /// - Parameter script: The script of the n-th connection.
    init(script: @escaping @Sendable (_ index: Int) -> Script?) {
        self.answer = { _, _ in .accepted }
        self.answersEarly = { _, _ in false }
        self.script = script
    }

    var requests: [Request] { self.state.withLock { $0.requests } }
    var upgrades: [Request] { self.state.withLock { $0.upgrades } }
    var connectionCount: Int { self.state.withLock { $0.connectionCount } }

    /// All messages that were taken, each once, keep-alives left out.
    var messages: [String] {
        var keys: Set<String> = []
        return self.requests
            .filter { keys.insert($0.headers.first(name: "Idempotency-Key") ?? "").inserted }
            .flatMap(\.messages)
    }

    /// Listens on a loopback port.
    ///
    /// - Parameters:
    ///   - port: 0 for any that is free.
    ///   - tls: With a certificate, over TLS.
    /// - Returns: The port.
    func start(port: Int = 0, tls: NIOSSLContext? = nil) async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                self.state.withLock { $0.connectionCount += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    let handler = GatewayHandler(gateway: self)
                    try pipeline.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [self.upgrader],
                            completionHandler: { context in
                                context.pipeline.syncOperations.removeHandler(name: "gateway", promise: nil)
                            }
                        )
                    )
                    try pipeline.addHandler(handler, name: "gateway")
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.channel.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Stops to listen; connections that stand are left.
    func stop() async throws {
        try await self.channel.withLock { $0 }?.close()
    }

    fileprivate func received(_ request: Request) -> Answer {
        let index = self.state.withLock { state in
            state.requests.append(request)
            return state.requests.count - 1
        }
        return self.answer(request, index)
    }

    fileprivate func isAnswered(_ request: Request) -> Bool {
        self.answersEarly(request, self.state.withLock { $0.requests.count })
    }

    private var upgrader: NIOWebSocketServerUpgrader {
        NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, head in
                let index = self.state.withLock { $0.upgrades.count }
                guard self.script(index) != nil else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.inappropriateOperationForState)
                }
                self.state.withLock {
                    $0.upgrades.append(Request(path: head.uri, headers: head.headers, body: []))
                }
                return channel.eventLoop.makeSucceededFuture([:])
            },
            upgradePipelineHandler: { channel, _ in
                let index = self.upgrades.count - 1
                return channel.eventLoop.makeCompletedFuture {
                    guard let script = self.script(index) else { return }
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(script: script))
                }
            }
        )
    }
}

/// Collects requests and answers them.
private final class GatewayHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let gateway: FakeGateway
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(gateway: FakeGateway) {
        self.gateway = gateway
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
        case .body(let part):
            self.body.append(contentsOf: part.readableBytesView)
            guard let head = self.head else { return }
            let request = FakeGateway.Request(path: head.uri, headers: head.headers, body: self.body)
            if head.headers["Content-Type"] == ["application/x-ndjson"], self.gateway.isAnswered(request) {
                self.complete(context: context)
            }
        case .end:
            self.complete(context: context)
        }
    }

    private func complete(context: ChannelHandlerContext) {
        guard let head = self.head else { return }
        self.head = nil
        let answer = self.gateway.received(FakeGateway.Request(path: head.uri, headers: head.headers, body: self.body))
        if answer.isCut {
            context.close(promise: nil)
            return
        }
        let body = ByteBuffer(string: answer.body)
        var headers = HTTPHeaders(answer.headers)
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        let response = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: answer.status),
            headers: headers
        )
        context.write(self.wrapOutboundOut(.head(response)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }
}

/// Plays a script to one WebSocket client.
private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let script: FakeGateway.Script

    init(script: FakeGateway.Script) {
        self.script = script
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if self.script.pings {
            self.send(.ping, ByteBuffer(string: "there?"), context: context)
        } else {
            self.play(context: context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        // A client masks whatever it sends (RFC 6455 section 5.3).
        guard frame.maskKey != nil else { return }
        if frame.opcode == .pong, frame.unmaskedData == ByteBuffer(string: "there?") { self.play(context: context) }
        if frame.opcode == .connectionClose { context.close(promise: nil) }
    }

    private func play(context: ChannelHandlerContext) {
        for text in self.script.frames { self.send(.text, ByteBuffer(string: text), context: context) }
        guard let code = self.script.closeCode else {
            if self.script.closeReason.isEmpty { context.close(promise: nil) }
            return
        }
        var data = ByteBuffer(integer: code)
        data.writeString(self.script.closeReason)
        self.send(.connectionClose, data, context: context)
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, context: ChannelHandlerContext) {
        context.writeAndFlush(
            self.wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)),
            promise: nil
        )
    }
}
