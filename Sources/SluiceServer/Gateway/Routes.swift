internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Every path of the public listener, on one page.
///
/// One for each event loop.
final class Routes: RequestRouter {
    private let services: GatewayServices
    private let loop: LoopServices
    private let reads: ScanReads
    private let writes: ScanWrites
    private let tokens: TokenActions

    init(services: GatewayServices, loop: LoopServices) {
        self.services = services
        self.loop = loop
        self.reads = ScanReads(services: services)
        self.writes = ScanWrites(services: services)
        self.tokens = TokenActions(services: services)
    }

    func refused(_ code: ProblemCode) {
        self.services.metrics.refused(code.rawValue)
    }

    func handshakeEnded(_ outcome: HandshakeOutcome) {
        self.services.metrics.handshakeEnded(outcome)
    }

    func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus) {
        if self.services.settings.configuration.log.requests {
            let client = Gatekeeper(services: self.services).client(of: exchange)
            let route = self.services.proxy.route(of: exchange.request.originForm)
            RequestLog(logger: self.services.logger)
                .answered(
                    exchange,
                    status: status,
                    client: client,
                    route: route == nil || self.own(exchange.request) != nil ? nil : route?.configuration.path
                )
        }
    }

    func streamRefused() {
        self.services.metrics.refused("http2_streams")
    }

    func connectionAbused() {
        self.services.metrics.refused("http2_abuse")
    }

    func http2Began() {
        self.services.metrics.http2Began()
    }

    func http2Ended() {
        self.services.metrics.http2Ended()
    }

    func slowReaderCut() {
        self.services.metrics.refused("slow_reader")
    }

    func answerFields(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> [(name: String, value: String)] {
        CrossOrigin(self.services).fields(request, on: connection)
    }

    func routeAgain(_ kept: AnyObject, on connection: HTTPConnectionInfo) -> (any RequestHandler)? {
        guard !connection.isRefused, let facts = kept as? IngestFacts, facts.settings === self.services.settings
        else {
            return nil
        }
        return IngestHandler(services: self.services, loop: self.loop, scanSegment: facts.scanSegment, facts: facts)
    }

    func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler {
        if request.path == ["healthz"] {
            return self.only([.GET, .HEAD], request) { FixedHandler(.plain("ok\n")) }
        }
        if let refusal = connection.refusal {
            return FixedHandler(refusal)
        }
        guard !request.isAsterisk else {
            return CrossOrigin(self.services).preflight(request, on: connection)
        }
        guard let own = self.own(request) else {
            return self.passedOn(request)
        }
        guard request.isDecodable else {
            return FixedHandler(Problem(.invalidTarget, "the gateway does not take this path or query"))
        }
        guard request.method != .OPTIONS else {
            return CrossOrigin(self.services).preflight(request, on: connection)
        }
        // Nothing else may wait for the end of a request that asks for a socket: it has none.
        guard request.connectProtocol == nil || own is SubscribeHandler || own is FixedHandler else {
            return FixedHandler(Problem(.notFound, "there is no WebSocket at this path"))
        }
        return own
    }

    /// What is not the gateway's own belongs to a route, or to nobody.
    private func passedOn(_ request: HTTPRequest) -> any RequestHandler {
        if let route = self.services.proxy.route(of: request.originForm) {
            return ProxyHandler(services: self.services, loop: self.loop, route: route)
        }
        guard request.isDecodable else {
            return FixedHandler(Problem(.invalidTarget, "the gateway does not take this path or query"))
        }
        guard request.hasKnownMethod else {
            return FixedHandler(Problem(.notImplemented, "the gateway does not know this method"))
        }
        return self.notFound
    }

    /// The handler of one of the gateway's own paths, 405 where it does not have this method; nil elsewhere.
    private func own(_ request: HTTPRequest) -> (any RequestHandler)? {
        switch request.path.count {
        case 2 where request.path == ["api", "tickets"]:
            return self.only([.POST], request) {
                APIHandler(services: self.services, .ticket, checksOrigin: true) {
                    exchange,
                    identity,
                    body throws(Problem) in
                    try self.tokens.issueTicket(exchange, identity, body)
                }
            }
        case 3 where request.path == ["api", "tickets", "redeem"]:
            return self.only([.POST], request) { SignInHandler(services: self.services) }
        case 2 where request.path == ["api", "probe"]:
            return self.only([.GET, .HEAD], request) {
                APIHandler(services: self.services, .read) { exchange, _, _ in
                    ProbeReads(services: self.services).answer(exchange)
                }
            }
        case 2 where request.path == ["api", "nodes"]:
            return self.only([.GET, .HEAD], request) {
                APIHandler(services: self.services, .admin) { exchange, identity, _ throws(Problem) in
                    try NodeReads(services: self.services).list(exchange, identity)
                }
            }
        case 2 where request.path == ["api", "ws"]:
            return self.only([.GET, .HEAD], request) {
                SubscribeHandler(services: self.services, loop: self.loop, scanSegment: nil)
            }
        case 2 where request.path == ["api", "connections"], 3 where request.path[0...1] == ["api", "connections"]:
            return self.connections(request)
        case 3 where request.path == ["api", "tokens", "revoke"]:
            return self.only([.POST], request) {
                APIHandler(services: self.services, .admin) { exchange, identity, body throws(Problem) in
                    try self.tokens.revoke(exchange, identity, body)
                }
            }
        case 3 where request.path[0...1] == ["api", "scans"]:
            return self.scan(request, request.path[2])
        case 4 where request.path[0...2] == ["api", "ws", "scans"]:
            return self.only([.GET, .HEAD], request) {
                SubscribeHandler(services: self.services, loop: self.loop, scanSegment: request.path[3])
            }
        case 4 where request.path[0] == "api" && request.path[3] == "disconnect":
            return self.disconnect(request, request.path[1], request.path[2])
        case 4 where request.path[0...1] == ["api", "scans"]:
            return self.part(request, of: request.path[2], request.path[3])
        default:
            return self.asset(request)
        }
    }

    /// `/api/users/{sub}/disconnect`, and the same of ingest keys.
    private func disconnect(_ request: HTTPRequest, _ kind: String, _ name: String) -> (any RequestHandler)? {
        guard kind == "users" || kind == "ingest-keys" else {
            return nil
        }
        return self.only([.POST], request) {
            APIHandler(services: self.services, .admin) { exchange, identity, _ throws(Problem) in
                if kind == "users" {
                    try self.tokens.disconnect(exchange, identity, user: name)
                } else {
                    try self.tokens.disconnect(exchange, identity, ingestKey: name)
                }
            }
        }
    }

    /// `/api/connections`, and one of them.
    private func connections(_ request: HTTPRequest) -> any RequestHandler {
        self.only([.GET, .HEAD], request) {
            APIHandler(services: self.services, .admin) { exchange, identity, _ throws(Problem) in
                let reads = ConnectionReads(services: self.services)
                if request.path.count == 3 {
                    try reads.one(exchange, identity, request.path[2])
                } else {
                    try reads.list(exchange, identity)
                }
            }
        }
    }

    /// `/api/scans/{scanId}`, and the statistics beside it.
    private func scan(_ request: HTTPRequest, _ segment: String) -> any RequestHandler {
        if segment == "stats", request.method == .GET || request.method == .HEAD {
            return APIHandler(services: self.services, .read) { exchange, identity, _ throws(Problem) in
                try self.reads.stats(exchange, identity)
            }
        }
        let isWrite = request.method == .PUT || request.method == .DELETE
        return self.only([.GET, .HEAD, .PUT, .DELETE], request) {
            APIHandler(services: self.services, isWrite ? .post : .read, scan: segment) {
                exchange,
                identity,
                body throws(Problem) in
                let scanID = try ScanID(segment: segment)
                switch request.method {
                case .PUT:
                    try self.writes.put(exchange, identity, scanID, body)
                case .DELETE:
                    self.writes.delete(exchange, identity, scanID)
                default:
                    self.reads.state(exchange, identity, scanID)
                }
            }
        }
    }

    /// `/api/scans/{scanId}/…`.
    private func part(_ request: HTTPRequest, of segment: String, _ part: String) -> (any RequestHandler)? {
        switch part {
        case "progress":
            return self.only([.POST], request) {
                IngestHandler(services: self.services, loop: self.loop, scanSegment: segment)
            }
        case "events":
            return self.only([.GET, .HEAD], request) {
                EventStreamHandler(services: self.services, loop: self.loop, scanSegment: segment)
            }
        case "messages":
            return self.only([.GET, .HEAD], request) {
                APIHandler(services: self.services, .read, scan: segment) { exchange, identity, _ throws(Problem) in
                    try self.reads.messages(exchange, identity, try ScanID(segment: segment))
                }
            }
        case "facets":
            return self.only([.GET, .HEAD], request) {
                APIHandler(services: self.services, .read, scan: segment) { exchange, identity, _ throws(Problem) in
                    try FacetReads(services: self.services).answer(exchange, identity, try ScanID(segment: segment))
                }
            }
        default:
            return nil
        }
    }

    private func asset(_ request: HTTPRequest) -> (any RequestHandler)? {
        guard let handler = self.services.settings.console.handler(for: request) else {
            return nil
        }
        return self.only([.GET, .HEAD], request) { handler }
    }

    private var notFound: FixedHandler {
        FixedHandler(Problem(.notFound, "there is nothing at this path"))
    }

    private func only(
        _ methods: [HTTPMethod],
        _ request: HTTPRequest,
        _ handler: () -> any RequestHandler
    ) -> any RequestHandler {
        guard methods.contains(request.method) else {
            let allow = methods.map { $0.rawValue }.joined(separator: ", ")
            return FixedHandler(Problem(.methodNotAllowed, "allowed here: \(allow)", allow: allow))
        }
        return handler()
    }
}

extension HTTPResponse {
    /// A short text.
    static func plain(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPResponse {
        HTTPResponse(
            status: status,
            contentType: "text/plain; charset=utf-8",
            body: ByteBuffer(string: text),
            isStorable: false
        )
    }
}
