internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// `GET /api/scans/{scanId}/events`: every refusal is an HTTP answer; then the connection becomes an event stream.
final class EventStreamHandler: RequestHandler {
    private let services: GatewayServices
    private let loop: LoopServices
    private let gatekeeper: Gatekeeper
    private let scanSegment: String
    private var pending: EventStreamSession?
    /// Whether events are named by their types.
    private var isNamed = true

    init(services: GatewayServices, loop: LoopServices, scanSegment: String) {
        self.services = services
        self.loop = loop
        self.gatekeeper = Gatekeeper(services: services)
        self.scanSegment = scanSegment
    }

    func start(_ exchange: HTTPExchange) {
        guard self.gatekeeper.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not open a stream"))
            return
        }
        guard !self.services.isDraining else {
            self.sendAway(exchange)
            return
        }
        self.gatekeeper.identify(exchange, .subscribe, scan: self.scanSegment) { visitor in
            guard self.gatekeeper.spendHandshake(visitor.identity, exchange) else {
                return
            }
            do throws(Problem) {
                let scanID = try ScanID(segment: self.scanSegment)
                let query = try self.query(exchange.request)
                self.isNamed = try QueryReader.choice("events", in: exchange.request.query, ["message"]) == nil
                self.begin(exchange, visitor, query, scanID)
            } catch {
                exchange.respond(problem: error)
            }
        }
    }

    /// A browser's own client never comes back after any status but 200, so a gateway that stops begins a stream, says
    /// when to come back, and ends it.
    private func sendAway(_ exchange: HTTPExchange) {
        self.services.metrics.refused(ProblemCode.draining.rawValue)
        var body = ByteBuffer()
        let closing = self.services.drainClosing(now: exchange.eventLoop.now)
        let isNamed = exchange.request.query.first("events") == nil
        EventStreamEnd(closing).write(isChunked: false, isNamed: isNamed, into: &body)
        exchange.respond(
            HTTPResponse(status: .ok, contentType: "text/event-stream", body: body, isStorable: false)
        )
    }

    func aborted(_ reason: AbortReason) {
        self.pending?.end()
        self.pending = nil
    }

    /// The query, and the place where the browser's own reconnect wants to continue.
    private func query(_ request: HTTPRequest) throws(Problem) -> SubscriptionQuery {
        var query = try SubscriptionQuery(request.query)
        if let last = request.single("Last-Event-ID") {
            try query.resume(after: last)
        }
        return query
    }

    private func begin(
        _ exchange: HTTPExchange,
        _ visitor: Gatekeeper.Visitor,
        _ query: SubscriptionQuery,
        _ scanID: ScanID
    ) {
        self.gatekeeper.mayFollow(scanID, visitor, exchange) { found in
            // Of a removed scan there is history to read, but nothing to follow.
            guard found?.isLive ?? false || query.wait ?? .zero > .zero else {
                exchange.respond(
                    problem: Problem(.scanNotFound, "there is no such scan; wait=<seconds> waits for it")
                )
                return
            }
            guard exchange.request.method == .GET else {
                exchange.respond(
                    HTTPResponse(status: .ok, contentType: "text/event-stream", body: ByteBuffer(), isStorable: false)
                )
                return
            }
            self.gatekeeper.seat(.eventStream, visitor, exchange, loop: self.loop, scanID: scanID) { seat in
                self.takeOver(exchange, seat, query, scanID)
            }
        }
    }

    private func takeOver(
        _ exchange: HTTPExchange,
        _ connection: SubscriberConnection,
        _ query: SubscriptionQuery,
        _ scanID: ScanID
    ) {
        let isChunked = exchange.request.takesChunks
        let gzip =
            ContentCoding.acceptsGzip(exchange.request.headers)
            ? EventStreamGzip(
                level: 6,
                isChunked: isChunked,
                memory: self.services.relay.memory,
                packer: self.loop.http.packer
            ) : nil
        // The packer writes the chunks, whose lengths are those of packed bytes.
        let writesChunks = isChunked && gzip == nil
        let session = EventStreamSession(
            connection,
            request: query.request(
                for: scanID,
                form: .eventStream(isChunked: writesChunks, isNamed: self.isNamed)
            ),
            isChunked: writesChunks,
            isNamed: self.isNamed
        )
        self.pending = session
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-cache, no-transform"),
            ("X-Accel-Buffering", "no"),
            ("Vary", "Accept-Encoding"),
        ]
        if gzip != nil {
            headers.append(("Content-Encoding", "gzip"))
        }
        if isChunked {
            headers.append(("Transfer-Encoding", "chunked"))
        }
        let settings = self.services.settings
        exchange.takeOver(status: .ok, headers: headers) { channel in
            session.install(in: channel, gzip: gzip, highWatermark: settings.configuration.clients.maxBuffered)
        }
    }
}
