internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP

/// `POST /api/tickets/redeem`: trades a ticket for signing in; the ticket is the only credential.
///
/// Others that the request may bring are not looked at: who has a session here can still sign in as somebody else.
final class SignInHandler: RequestHandler {
    /// The longest body, in bytes: a stranger may send one, and a ticket needs no more.
    private static let maximumBodyBytes = 1024

    private let services: GatewayServices
    /// From the head until the body is there; nil once it is answered.
    private var exchange: HTTPExchange?

    init(services: GatewayServices) {
        self.services = services
    }

    var bodyMode: BodyMode { .collect(maximumBytes: Self.maximumBodyBytes) }

    func start(_ exchange: HTTPExchange) {
        guard !self.services.isDraining else {
            exchange.respond(problem: self.services.drainClosing(now: exchange.eventLoop.now).problem)
            return
        }
        guard Gatekeeper(services: self.services).mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not do this"))
            return
        }
        self.exchange = exchange
    }

    func receivedBody(_ body: ByteBuffer) {
        guard let exchange = self.exchange else {
            return
        }
        self.exchange = nil
        do throws(Problem) {
            guard let ticket = try BodyReader.object(body)["ticket"]?.string, !ticket.isEmpty else {
                throw Problem(.invalidBody, #"send {"ticket":"signin_…"}"#)
            }
            Gatekeeper(services: self.services).trade(ticket, exchange)
        } catch {
            exchange.respond(problem: error)
        }
    }

    func aborted(_ reason: AbortReason) {
        self.exchange = nil
    }
}
