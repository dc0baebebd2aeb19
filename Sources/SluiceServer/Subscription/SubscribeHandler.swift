internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The handshake of a WebSocket: every refusal is an HTTP answer, before the upgrade.
final class SubscribeHandler: RequestHandler {
    private let services: GatewayServices
    private let loop: LoopServices
    private let gatekeeper: Gatekeeper
    /// The scan that the path names; nil for a socket of many scans.
    private let scanSegment: String?

    init(services: GatewayServices, loop: LoopServices, scanSegment: String?) {
        self.services = services
        self.loop = loop
        self.gatekeeper = Gatekeeper(services: services)
        self.scanSegment = scanSegment
    }

    func start(_ exchange: HTTPExchange) {
        guard !self.services.isDraining else {
            exchange.respond(problem: self.services.drainClosing(now: exchange.eventLoop.now).problem)
            return
        }
        guard self.gatekeeper.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not open a socket"))
            return
        }
        self.gatekeeper.identify(exchange, .subscribe, scan: self.scanSegment, isWebSocket: true) { visitor in
            guard self.gatekeeper.spendHandshake(visitor.identity, exchange) else {
                return
            }
            do throws(Problem) {
                let query = try SubscriptionQuery(exchange.request.query)
                let handshake = try self.handshake(exchange, query)
                guard let segment = self.scanSegment else {
                    self.upgrade(exchange, visitor, handshake, query, scanID: nil)
                    return
                }
                let scanID = try ScanID(segment: segment)
                self.gatekeeper.mayFollow(scanID, visitor, exchange) { _ in
                    self.upgrade(exchange, visitor, handshake, query, scanID: scanID)
                }
            } catch {
                exchange.respond(problem: error)
            }
        }
    }

    private func handshake(
        _ exchange: HTTPExchange,
        _ query: SubscriptionQuery
    ) throws(Problem) -> WebSocketHandshake {
        guard !exchange.request.hasBody else {
            // Its bytes would be taken for frames.
            throw Problem(.invalidHandshake, "a handshake has no body")
        }
        let deflate = self.services.settings.configuration.compression.permessageDeflate
        var compression = PermessageDeflateConfiguration()
        // A client that asks for gzip in its frames gets one compression, not two.
        compression.isEnabled = deflate.enabled && !query.wantsGzip
        compression.level = deflate.level
        compression.windowBits = deflate.windowBits
        compression.minimumBytes = deflate.minBytes
        do throws(WebSocketRefusal) {
            return try WebSocketHandshake(
                method: exchange.request.method,
                version: exchange.request.isVersion10 ? .http1_0 : .http1_1,
                isExtendedConnect: exchange.request.connectProtocol == "websocket",
                headers: exchange.request.headers,
                compression: compression
            )
        } catch {
            switch error.status {
            case .upgradeRequired where error.headers.contains(name: "Sec-WebSocket-Version"):
                throw Problem(.unsupportedWebSocketVersion, error.detail)
            case .upgradeRequired:
                throw Problem(.upgradeRequired, error.detail)
            default:
                throw Problem(.invalidHandshake, error.detail)
            }
        }
    }

    private func upgrade(
        _ exchange: HTTPExchange,
        _ visitor: Gatekeeper.Visitor,
        _ handshake: WebSocketHandshake,
        _ query: SubscriptionQuery,
        scanID: ScanID?
    ) {
        self.gatekeeper.seat(.webSocket, visitor, exchange, loop: self.loop, scanID: scanID) { seat in
            self.upgrade(exchange, visitor, handshake, query, seat)
        }
    }

    private func upgrade(
        _ exchange: HTTPExchange,
        _ visitor: Gatekeeper.Visitor,
        _ handshake: WebSocketHandshake,
        _ query: SubscriptionQuery,
        _ seat: SubscriberConnection
    ) {
        let session = SubscriptionSession(seat, query: query, form: self.form(handshake, query))
        self.pending = session
        // The answer to an upgrade gets its Connection field from the HTTP side.
        let headers = handshake.answer(subprotocol: visitor.subprotocol).filter { $0.name != "Connection" }
        let configuration = self.services.settings.webSocket
        let wheel = self.loop.wheel
        exchange.takeOver(status: .switchingProtocols, headers: headers.map { ($0.name, $0.value) }) { channel in
            do {
                try WebSocketHandler.install(
                    in: channel,
                    session: session,
                    deflate: handshake.deflate,
                    configuration: configuration,
                    wheel: wheel
                )
            } catch {
                session.closed(.lost)
                channel.close(promise: nil)
            }
        }
    }

    /// The session that waits for the pipeline to be clear.
    private var pending: SubscriptionSession?

    func aborted(_ reason: AbortReason) {
        self.pending?.closed(.lost)
        self.pending = nil
    }

    private func form(_ handshake: WebSocketHandshake, _ query: SubscriptionQuery) -> WireForm {
        var form = self.coding(handshake, query)
        form.hasTimes = query.hasTimes
        return form
    }

    private func coding(_ handshake: WebSocketHandshake, _ query: SubscriptionQuery) -> WireForm {
        let compression = self.services.settings.configuration.compression
        if query.wantsGzip {
            return .webSocket(.gzip(minimumBytes: compression.gzip.minBytes, level: 6))
        }
        guard let agreed = handshake.deflate else {
            return .webSocket(.plain)
        }
        // A client has one context for its whole socket, and a scan's compressor knows only its own frames: where frames
        // of several scans meet, none may refer to another.
        let isOfManyScans = self.scanSegment == nil
        return .webSocket(
            .deflate(
                DeflateTerms(
                    level: compression.permessageDeflate.level,
                    windowBits: min(agreed.serverWindowBits, compression.permessageDeflate.windowBits),
                    isWithoutContext: agreed.serverNoContextTakeover || isOfManyScans,
                    minimumBytes: compression.permessageDeflate.minBytes
                )
            )
        )
    }
}
