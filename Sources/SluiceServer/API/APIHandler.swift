internal import NIOCore
internal import SluiceAdmission
internal import SluiceHTTP
internal import SluiceRelay

/// One API request: the handler finds the identity, counts the request, collects its small body, and then does the
/// work.
final class APIHandler: RequestHandler {
    /// The work of a request, given the identity and the body.
    typealias Work = (HTTPExchange, Identity, ByteBuffer) throws(Problem) -> Void

    /// The longest body of an API request, in bytes.
    private static let maximumBodyBytes = 16 * 1024

    private let services: GatewayServices
    private let action: ApplicationQuestion.Action
    private let scan: String?
    private let checksOrigin: Bool
    private let work: Work
    private var exchange: HTTPExchange?
    private var visitor: Gatekeeper.Visitor?
    private var body: ByteBuffer?

    /// - Parameters:
    ///   - services: The services that all handlers share.
    ///   - action: What the request is for.
    ///   - scan: Of which scan, as the path names it.
    ///   - checksOrigin: Whether a page of a strange origin is refused.
    ///   - work: The work of the request.
    init(
        services: GatewayServices,
        _ action: ApplicationQuestion.Action,
        scan: String? = nil,
        checksOrigin: Bool = false,
        work: @escaping Work
    ) {
        self.services = services
        self.action = action
        self.scan = scan
        self.checksOrigin = checksOrigin
        self.work = work
    }

    var bodyMode: BodyMode { .collect(maximumBytes: Self.maximumBodyBytes) }

    func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        let gatekeeper = Gatekeeper(services: self.services)
        guard !self.services.isDraining else {
            exchange.respond(problem: self.services.drainClosing(now: exchange.eventLoop.now).problem)
            return
        }
        guard !self.checksOrigin || gatekeeper.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not do this"))
            return
        }
        gatekeeper.identify(exchange, self.action, scan: self.scan) { visitor in
            guard gatekeeper.spendRequest(visitor.identity, exchange) else {
                return
            }
            self.visitor = visitor
            self.workIfReady()
        }
    }

    func receivedBody(_ body: ByteBuffer) {
        self.body = body
        self.workIfReady()
    }

    func aborted(_ reason: AbortReason) {
        self.exchange = nil
    }

    private func workIfReady() {
        guard let exchange = self.exchange, let visitor = self.visitor, let body = self.body else {
            return
        }
        self.exchange = nil
        guard let identity = Gatekeeper(services: self.services).stillLetIn(visitor, exchange) else {
            return
        }
        do throws(Problem) {
            try self.work(exchange, identity, body)
        } catch {
            exchange.respond(problem: error)
        }
    }
}

extension HTTPExchange {
    /// The relay's answer, unless it could not look; then this answers with the refusal.
    func found<Found>(_ result: Result<Found, any Error>) -> Found? {
        switch result {
        case .success(let found):
            return found
        case .failure(RelayRefusal.storageUnavailable):
            self.respond(
                problem: Problem(.storageUnavailable, "what is stored cannot be read; ask again", retryAfterSeconds: 5)
            )
            return nil
        case .failure(let error):
            self.respond(problem: IngestAnswers.problem(refusal: error))
            return nil
        }
    }
}
