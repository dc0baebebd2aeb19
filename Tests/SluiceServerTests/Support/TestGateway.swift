import AsyncHTTPClient
import Logging
import NIOCore
import NIOEmbedded
import SluiceAdmission
import SluiceBase
import SluiceHTTP
import SluiceRelay
import SluiceWire
import TestSupport

@testable import SluiceServer

/// A whole gateway on one event loop in the test's hand, without a socket.
final class TestGateway {
    let loop = EmbeddedEventLoop()
    let services: GatewayServices
    let routes: Routes
    let shared: LoopServices
    private let key: VerificationKey

    init(
        store: (any ScanStore)? = nil,
        engine: (any SharedEngine & Peers)? = nil,
        _ change: (inout GatewayConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = GatewayConfiguration()
        change(&configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        self.key = try VerificationKey(id: nil, algorithm: .hs256, secret: Array(repeating: 7, count: 32))
        let loaded = KeyLoader.Loaded(auth: configuration.auth, keys: [self.key], fileSet: nil, ingestKeys: [])
        let authenticator = Authenticator(verifier: loaded.verifier(), ingestKeys: [])
        let relay = Relay(
            eventLoops: [self.loop],
            configuration: configuration.relayInForce,
            memory: CompressionMemory(limit: configuration.compression.memory),
            store: store,
            logger: logger
        )
        self.services = GatewayServices(
            settings: GatewaySettings(configuration),
            relay: relay,
            store: store,
            engine: engine,
            authenticator: authenticator,
            connections: ConnectionRegistry(eventLoops: [self.loop]),
            keySource: KeySource(loaded, client: .shared, authenticator: authenticator, logger: logger),
            logger: logger
        )
        self.shared = LoopServices(
            eventLoop: self.loop,
            relay: relay,
            requests: self.services.requests,
            tickInterval: .seconds(1)
        )
        self.services.connections.attach(self.shared.http, on: self.loop)
        self.routes = Routes(services: self.services, loop: self.shared)
    }

    /// A token with all rights.
    func token() throws -> String {
        var claims = TokenSigner.Claims(subject: "a", now: WallTime.now().seconds, timeToLive: 24 * 3600)
        claims.roles = ["admin"]
        claims.scope = "ingest"
        return try TokenSigner(key: self.key).sign(claims)
    }

    /// A client's connection.
    func connect() throws -> Connection {
        try Connection(self)
    }

    /// A client's end: raw bytes in and out.
    final class Connection {
        let channel: EmbeddedChannel
        let socket: SlowSocket
        private let gateway: TestGateway

        init(_ gateway: TestGateway) throws {
            self.gateway = gateway
            self.channel = EmbeddedChannel(loop: gateway.loop)
            self.socket = try SlowSocket(self.channel)
            self.socket.isOpen = true
            let address = try SocketAddress(ipAddress: "192.0.2.7", port: 4321)
            // Known from the beginning, as that of an accepted connection.
            self.channel.remoteAddress = address
            try HTTPPipeline.configure(
                self.channel,
                router: gateway.routes,
                limits: gateway.services.settings.httpLimits,
                context: gateway.shared.http,
                isTLS: false
            )
            try self.channel.connect(to: address).wait()
        }

        deinit {
            _ = try? self.channel.finish(acceptAlreadyClosed: true)
        }

        /// Sends the head of a request, with a token with all rights.
        func begin(_ request: String, _ fields: String...) throws {
            let token = "Authorization: Bearer \(try self.gateway.token())"
            let lines = ["\(request) HTTP/1.1", "Host: a", token] + fields
            try self.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        }

        func send(_ text: String) throws {
            try self.send(ByteBuffer(string: text))
        }

        func send(_ bytes: ByteBuffer) throws {
            try self.channel.writeInbound(bytes)
            self.gateway.loop.run()
        }

        /// All that was taken since the last call.
        func received() throws -> String {
            var all = ByteBuffer()
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
                all.writeImmutableBuffer(bytes)
            }
            return String(buffer: all)
        }
    }
}
