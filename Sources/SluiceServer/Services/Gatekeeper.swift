internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// Who a request is from, and whether it may go on.
///
/// Answers the refusals itself.
struct Gatekeeper: Sendable {
    let services: GatewayServices

    /// Who was let in.
    struct Visitor {
        var identity: Identity
        /// The subprotocol to name in the answer to a WebSocket handshake.
        var subprotocol: String?
    }

    /// Finds out who the request is from; `then` is called only for those who may go on.
    ///
    /// It is called at once, unless a token names a key that has to be fetched first.
    func identify(_ exchange: HTTPExchange, isWebSocket: Bool = false, then: @escaping (Visitor) -> Void) {
        let credentials = Credentials(
            exchange.request,
            isWebSocket: isWebSocket,
            auth: self.services.settings.configuration.auth
        )
        do throws(TokenError) {
            guard let identity = try self.authenticate(credentials.proof, exchange) else {
                exchange.respond(problem: self.missing(credentials.proof))
                return
            }
            self.letIn(identity, credentials, exchange, then: then)
        } catch  where error.isUnknownKey {
            self.retryWithFreshKeys(credentials, exchange, then: then)
        } catch {
            self.refuse(error, exchange)
        }
    }

    /// The client's address: the peer's, or what trusted proxies say of it.
    func address(of exchange: HTTPExchange) -> AddressKey? {
        guard let peer = IPAddress(exchange.connection.peerAddress) else {
            return nil
        }
        let forwarded = self.services.settings.forwarded
        guard forwarded.isTrusted(peer) else {
            return AddressKey(peer)
        }
        return AddressKey(
            forwarded.client(
                peer: peer,
                forwardedFor: exchange.request.headers["X-Forwarded-For"],
                forwarded: exchange.request.headers["Forwarded"]
            )
        )
    }

    /// Whether a page of this origin may open a socket, a stream, or ask for a ticket.
    ///
    /// No origin: not a browser.
    func mayCome(_ exchange: HTTPExchange) -> Bool {
        let origins = exchange.request.headers["Origin"]
        guard let origin = origins.first else {
            return true
        }
        return origins.count == 1
            && self.services.settings.origins.allows(
                origin: origin,
                host: exchange.request.authority,
                isSecure: self.isSecure(exchange)
            )
    }

    /// Spends one of the user's API requests.
    ///
    /// Answers the refusal; whether the request may go on.
    func spendRequest(_ identity: Identity, _ exchange: HTTPExchange) -> Bool {
        let answer = self.services.limits.requests.take(
            for: identity.producerName,
            now: exchange.eventLoop.now.uptimeNanoseconds
        )
        guard let problem = answer.problem("requests") else {
            return true
        }
        exchange.respond(problem: problem)
        return false
    }

    /// Spends one of the handshakes of the user and of the address.
    ///
    /// Answers the refusal.
    func spendHandshake(_ identity: Identity, _ exchange: HTTPExchange) -> Bool {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        var problem = self.services.limits.handshakesByUser.take(for: identity.producerName, now: now)
            .problem("handshakes")
        if problem == nil, let address = self.address(of: exchange) {
            problem = self.services.limits.handshakesByAddress.take(for: address, now: now)
                .problem("handshakes from this address")
        }
        if let problem {
            exchange.respond(problem: problem)
        }
        return problem == nil
    }

    /// Takes one of the places for live connections.
    ///
    /// Answers the refusal.
    func admit(_ identity: Identity, _ exchange: HTTPExchange) -> ConnectionLimits.ID? {
        let answer = self.services.limits.subscribers.admit(
            user: identity.producerName,
            address: self.address(of: exchange)
        )
        switch answer {
        case .admitted(let id):
            return id
        case .admittedClosing(let id, let oldest):
            self.services.connections.close(oldest, .replaced)
            return id
        case .refused(let reason):
            exchange.respond(problem: self.problem(for: reason))
            return nil
        }
    }

    private func isSecure(_ exchange: HTTPExchange) -> Bool {
        guard !exchange.connection.isTLS, let peer = IPAddress(exchange.connection.peerAddress),
            self.services.settings.forwarded.isTrusted(peer)
        else {
            return exchange.connection.isTLS
        }
        return exchange.request.single("X-Forwarded-Proto") == "https"
    }

    private func problem(for reason: ConnectionLimits.Reason) -> Problem {
        switch reason {
        case .total:
            Problem(.overloaded, "the gateway holds as many connections as it may", retryAfterSeconds: 5)
        case .user:
            Problem(.tooManyConnections, "this user has as many connections open as one may", retryAfterSeconds: 5)
        case .address:
            Problem(.tooManyConnections, "this address has as many connections open as one may", retryAfterSeconds: 5)
        }
    }

    private func authenticate(_ proof: Credentials.Proof, _ exchange: HTTPExchange) throws(TokenError) -> Identity? {
        let now = WallTime.now().seconds
        switch proof {
        case .bearer(let bearer):
            return try self.services.authenticator.authenticate(bearer: bearer, now: now)
        case .token(let token):
            return try self.services.authenticator.authenticate(token: token, now: now)
        case .ticket(let ticket):
            return try self.services.authenticator.redeemTicket(ticket, now: now)
        case .none:
            return exchange.connection.clientCertificateName.map { .clientCertificate(name: $0) }
        case .malformed:
            return nil
        }
    }

    private func missing(_ proof: Credentials.Proof) -> Problem {
        if case .malformed(let detail) = proof {
            return Problem(.invalidToken, detail)
        }
        return Problem(.missingToken, "send a token: Authorization: Bearer <token>")
    }

    /// Refuses a bad credential, and slows an address that shows many of them.
    ///
    /// Good credentials of the same address are not held up: they never come here.
    private func refuse(_ error: TokenError, _ exchange: HTTPExchange) {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        let address = self.address(of: exchange)
        let slowed = address.flatMap {
            self.services.limits.failuresByAddress.take(for: $0, now: now).problem("invalid tokens from this address")
        }
        self.log(error, exchange, address: address, isSlowed: slowed != nil, now: now)
        exchange.respond(problem: slowed ?? Problem(.invalidToken, "the token is not valid; get a new one"))
    }

    /// Tells the operator the reason; all refusals look alike from outside.
    ///
    /// Whoever tries again and again does not fill the log.
    private func log(_ error: TokenError, _ exchange: HTTPExchange, address: AddressKey?, isSlowed: Bool, now: UInt64) {
        var level = Logger.Level.debug
        if isSlowed, let address,
            case .taken = self.services.limits.failureLogsByAddress.take(for: address, now: now)
        {
            level = .warning
        }
        self.services.logger.log(
            level: level,
            isSlowed ? "many invalid tokens from one address" : "credential refused",
            metadata: ["reason": "\(error.reason.rawValue)", "peer": "\(exchange.connection.peerAddress)"]
        )
    }

    /// The credential is good; the page that used it has to be one that may.
    private func letIn(
        _ identity: Identity,
        _ credentials: Credentials,
        _ exchange: HTTPExchange,
        then: (Visitor) -> Void
    ) {
        guard !credentials.isAmbient || self.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not act for a visitor"))
            return
        }
        then(Visitor(identity: identity, subprotocol: credentials.subprotocol))
    }

    private func retryWithFreshKeys(
        _ credentials: Credentials,
        _ exchange: HTTPExchange,
        then: @escaping (Visitor) -> Void
    ) {
        guard let fetched = self.services.keySource.fetchForUnknownKey(on: exchange.eventLoop) else {
            self.refuse(TokenError(.unknownKey), exchange)
            return
        }
        fetched.assumeIsolated()
            .whenComplete { _ in
                do throws(TokenError) {
                    guard let identity = try self.authenticate(credentials.proof, exchange) else {
                        return
                    }
                    self.letIn(identity, credentials, exchange, then: then)
                } catch {
                    self.refuse(error, exchange)
                }
            }
    }
}
