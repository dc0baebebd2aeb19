internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Finds the identity behind a request, and decides whether the request may continue.
///
/// Answers the refusals itself.
struct Gatekeeper: Sendable {
    let services: GatewayServices

    /// A client that was let in.
    struct Visitor {
        var identity: Identity
        /// The authenticator's count of changes before the check: the right holds as long as the count does not change.
        var changeCount: Int
        /// Where the credential stood.
        var carrier: Arrival.Carrier
        /// The subprotocol to name in the answer to a WebSocket handshake.
        var subprotocol: String?
        /// What to ask the application again while it stands; nil where it was not the application that let it in.
        var errand: Errand?
        /// The token or key that was found good, to be believed again without being looked up; nil for what is not kept.
        var lease: CredentialLease?
    }

    /// Finds the identity behind the request; `then` is called only if the request may continue.
    ///
    /// It is called at once, unless a token names a key that must be fetched first, or the application is to be asked.
    ///
    /// - Parameters:
    ///   - exchange: The request.
    ///   - action: What is wanted.
    ///   - scan: Of which scan, as the path names it.
    ///   - isWebSocket: Whether `Sec-WebSocket-Protocol` may carry a token.
    ///   - then: Continues.
    func identify(
        _ exchange: HTTPExchange,
        _ action: ApplicationQuestion.Action,
        scan: String? = nil,
        isWebSocket: Bool = false,
        then: @escaping (Visitor) -> Void
    ) {
        let credentials = Credentials(
            exchange.request,
            isWebSocket: isWebSocket,
            auth: self.services.settings.configuration.auth
        )
        self.identify(exchange, action, scan: scan, credentials, then: then)
    }

    /// The same where the request's credential was read before.
    func identify(
        _ exchange: HTTPExchange,
        _ action: ApplicationQuestion.Action,
        scan: String?,
        _ credentials: Credentials,
        then: @escaping (Visitor) -> Void
    ) {
        let wanted = Wanted(action: action, scan: scan)
        if case .none = credentials.proof, self.askApplication(credentials, wanted, exchange, then: then) {
            return
        }
        if case .ticket(let ticket) = credentials.proof, let peers = self.services.peers {
            self.redeem(ticket, peers, credentials, wanted, exchange, then: then)
            return
        }
        let changeCount = self.services.authenticator.changeCount
        do throws(TokenError) {
            guard let identity = try self.authenticate(credentials.proof, exchange) else {
                self.refuseMissing(credentials.proof, exchange)
                return
            }
            let lease = Self.lease(of: credentials.proof, exchange)
            self.letIn(identity, changeCount, credentials, wanted, exchange, lease, then: then)
        } catch  where error.isUnknownKey {
            self.retryWithFreshKeys(credentials, wanted, exchange, then: then)
        } catch {
            if credentials.proof.isOpaque, self.takesOpaqueTokens,
                self.askApplication(credentials, wanted, exchange, then: then)
            {
                return
            }
            self.refuse(error, credentials.proof, exchange)
        }
    }

    /// What the authentication right before this has found out about a bearer's credential.
    private static func lease(of proof: Credentials.Proof, _ exchange: HTTPExchange) -> CredentialLease? {
        guard case .bearer = proof else {
            return nil
        }
        return (exchange.connection.note as? CredentialMemo)?.lease
    }

    /// The key under which the client's address is counted.
    func address(of exchange: HTTPExchange) -> AddressKey? {
        self.client(of: exchange).map { AddressKey($0) }
    }

    /// The client's address: the peer's, or the one that trusted proxies give.
    func client(of exchange: HTTPExchange) -> IPAddress? {
        let peer = IPAddress(exchange.connection.peerAddress)
        let settings = self.services.settings
        guard settings.isTrusted(exchange.connection) else {
            return peer
        }
        return settings.forwarded.client(
            behind: peer,
            forwardedFor: exchange.request.headers["X-Forwarded-For"],
            forwarded: exchange.request.headers["Forwarded"]
        )
    }

    /// Whether a page of this origin may open a socket, a stream, or ask for a ticket.
    func mayCome(_ exchange: HTTPExchange) -> Bool {
        self.origin(of: exchange).mayCome
    }

    /// How a request came whose sender was let in.
    func arrival(of exchange: HTTPExchange, _ visitor: Visitor) -> Arrival {
        Arrival(page: self.origin(of: exchange).page, carrier: visitor.carrier)
    }

    /// Checks a visitor again that was let in but did not continue at once, because its body took time.
    ///
    /// - Returns: The identity that the credential gives now; nil if it was refused, with the answer given.
    func stillLetIn(_ visitor: Visitor, _ exchange: HTTPExchange) -> Identity? {
        guard visitor.changeCount != self.services.authenticator.changeCount else {
            return visitor.identity
        }
        let verdict = self.services.verdict(
            on: visitor.identity,
            arrival: Arrival(carrier: visitor.carrier),
            certificate: exchange.connection.clientCertificate
        )
        switch verdict {
        case .stays(let identity):
            return identity
        case .ends(let closing):
            exchange.respond(problem: closing.problem)
            return nil
        }
    }

    /// Spends one of the user's API requests, and more as the answer grows long.
    ///
    /// Answers a refusal; returns whether the request may continue.
    func spendRequest(_ identity: Identity, _ exchange: HTTPExchange) -> Bool {
        let limiter = self.services.limits.requests
        let user = identity.producerName
        let eventLoop = exchange.eventLoop
        guard let problem = limiter.take(for: user, now: eventLoop.now.uptimeNanoseconds).problem("requests") else {
            var cost = AnswerCost()
            exchange.meter = { byteCount in
                let tokens = cost.add(byteCount)
                if tokens > 0 {
                    _ = limiter.charge(tokens, for: user, now: eventLoop.now.uptimeNanoseconds)
                }
            }
            return true
        }
        exchange.respond(problem: problem)
        return false
    }

    /// Spends one of the handshakes of the user and of the address; neither, if one of them has none left.
    ///
    /// Answers the refusal.
    func spendHandshake(_ identity: Identity, _ exchange: HTTPExchange) -> Bool {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        let limits = self.services.limits
        let address = self.address(of: exchange)
        var problem = address.flatMap {
            limits.handshakesByAddress.answer(for: $0, now: now).problem("handshakes from this address")
        }
        if problem == nil {
            problem = limits.handshakesByUser.take(for: identity.producerName, now: now).problem("handshakes")
        }
        if problem == nil, let address {
            problem = limits.handshakesByAddress.take(for: address, now: now).problem("handshakes from this address")
        }
        if let problem {
            exchange.respond(problem: problem)
        }
        return problem == nil
    }

    /// Takes one of the places for live connections, of all nodes together where there are several.
    ///
    /// Answers the refusal; `then` is called only if there is one, at once where the gateway is alone.
    func admit(_ identity: Identity, _ exchange: HTTPExchange, then: @escaping (ConnectionLimits.ID) -> Void) {
        guard !self.services.load.isOverMemory else {
            // On an existing connection, such as a proxy's: a new connection is told so before its first request.
            exchange.respond(problem: Problem(.overloaded, "the gateway is short of memory", retryAfterSeconds: 5))
            return
        }
        guard self.services.relay.isAvailable else {
            // It could not be told what is new, nor be closed when its right to see it ends.
            exchange.respond(
                problem: Problem(.storageUnavailable, "the gateways' log cannot be reached", retryAfterSeconds: 5)
            )
            return
        }
        let user = identity.producerName
        let address = self.address(of: exchange)
        guard let peers = self.services.peers else {
            self.settle(self.services.limits.subscribers.admit(user: user, address: address), exchange, then: then)
            return
        }
        let answered = exchange.eventLoop.makePromise(of: ConnectionLimits.Answer.self)
        peers.admit(user: user, address: address) { answered.succeed($0) }
        answered.futureResult.assumeIsolated()
            .whenSuccess { answer in
                if exchange.isOpen {
                    self.settle(answer, exchange, then: then)
                } else if case .admitted(let id) = answer {
                    // The client has left meanwhile.
                    peers.release(id)
                }
            }
    }

    private func settle(
        _ answer: ConnectionLimits.Answer,
        _ exchange: HTTPExchange,
        then: (ConnectionLimits.ID) -> Void
    ) {
        switch answer {
        case .admitted(let id):
            then(id)
        case .admittedClosing(let id, let oldest):
            self.services.connections.close(oldest, .replaced)
            then(id)
        case .refused(let reason):
            exchange.respond(problem: self.problem(for: reason))
        }
    }

    private func origin(of exchange: HTTPExchange) -> RequestOrigin {
        RequestOrigin(exchange.request, on: exchange.connection, self.services.settings)
    }

    func problem(for reason: ConnectionLimits.Reason) -> Problem {
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
            let connection = exchange.connection
            let memo = connection.note as? CredentialMemo ?? CredentialMemo()
            connection.note = memo
            return try self.services.authenticator.authenticate(bearer: bearer, memo: memo, now: now)
        case .token(let token):
            return try self.services.authenticator.authenticate(token: token, now: now)
        case .ticket(let ticket):
            return try self.services.authenticator.redeemTicket(ticket, now: now)
        case .none:
            guard let certificate = exchange.connection.clientCertificate,
                // Verified when the connection came; a reload since may have taken its authority away.
                certificate.isAdmitted(by: self.services.clientAuthorities)
            else {
                return nil
            }
            return certificate.name.map { .clientCertificate(name: $0) }
        case .malformed:
            return nil
        }
    }

    /// Refuses a request without a credential, or with something that cannot be one.
    private func refuseMissing(_ proof: Credentials.Proof, _ exchange: HTTPExchange) {
        if case .malformed = proof {
            self.log("unusable", proof.name, exchange)
        }
        exchange.respond(problem: self.missing(proof, exchange))
    }

    private func missing(_ proof: Credentials.Proof, _ exchange: HTTPExchange) -> Problem {
        if case .malformed(let detail) = proof {
            return Problem(.invalidToken, detail)
        }
        guard let certificate = exchange.connection.clientCertificate else {
            return Problem(.missingToken, "send a token: Authorization: Bearer <token>")
        }
        guard certificate.name == nil else {
            return Problem(.invalidCertificate, "the authority of the client certificate is no longer admitted")
        }
        return Problem(
            .invalidCertificate,
            "the client certificate names nobody: it needs a DNS name, an e-mail address or a URI as its alternative "
                + "name, or a common name, of at most 256 bytes; or send a token"
        )
    }

    /// Why an address that showed many bad credentials has none looked up elsewhere for a while; nil for others.
    func tooManyFailures(_ exchange: HTTPExchange) -> Problem? {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        return self.address(of: exchange)
            .flatMap { address in
                self.services.limits.failuresByAddress.answer(for: address, now: now)
                    .problem("invalid tokens from this address")
            }
    }

    /// Refuses a bad credential, and slows an address that shows many of them.
    ///
    /// Good credentials of the same address are not delayed: they never come here.
    func refuse(_ error: TokenError, _ proof: Credentials.Proof, _ exchange: HTTPExchange) {
        self.refuse(error, proof.name, exchange, Problem(.invalidToken, "the token is not valid; get a new one"))
    }

    /// The same of a credential that has a name of its own in the log, and its own answer.
    func refuse(_ error: TokenError, _ name: String, _ exchange: HTTPExchange, _ problem: Problem) {
        guard !error.isOfMissingKey || !self.services.keySource.isAwaitingIssuer else {
            let message = "the issuer of tokens cannot be reached yet; try again"
            exchange.respond(problem: Problem(.authUnavailable, message, retryAfterSeconds: 5))
            return
        }
        self.log(
            error.reason.rawValue,
            name,
            claim: error.claim.map { ("\($0.name)", "\($0.fault)") },
            exchange
        )
        let now = exchange.eventLoop.now
        let client = self.client(of: exchange)
        let slowed = client.flatMap {
            self.services.limits.failuresByAddress.take(for: AddressKey($0), now: now.uptimeNanoseconds)
                .problem("invalid tokens from this address")
        }
        if slowed != nil, let client {
            self.services.credentialLog.slowed(client, now: now)
        }
        exchange.respond(problem: slowed ?? problem)
    }

    /// Tells the operator the reason; all refusals look alike from outside.
    private func log(
        _ reason: String,
        _ name: String,
        claim: (name: String, fault: String)? = nil,
        _ exchange: HTTPExchange
    ) {
        self.services.credentialLog.refused(
            reason,
            name,
            claim: claim,
            client: self.client(of: exchange),
            peer: exchange.connection.peerAddress,
            request: exchange.requestID,
            now: exchange.eventLoop.now
        )
    }

    /// The credential is good; the page that used it must also be allowed.
    func letIn(
        _ identity: Identity,
        _ changeCount: Int,
        _ credentials: Credentials,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        _ lease: CredentialLease? = nil,
        then: (Visitor) -> Void
    ) {
        guard !credentials.isAmbient || self.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not act for a visitor"))
            return
        }
        then(
            Visitor(
                identity: identity,
                changeCount: changeCount,
                carrier: credentials.carrier,
                subprotocol: credentials.subprotocol,
                errand: identity.applicationEvidence == nil ? nil : self.errand(wanted, exchange),
                lease: lease
            )
        )
    }

    private func retryWithFreshKeys(
        _ credentials: Credentials,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        then: @escaping (Visitor) -> Void
    ) {
        guard let fetched = self.services.keySource.fetchForUnknownKey(on: exchange.eventLoop) else {
            self.refuse(TokenError(.unknownKey), credentials.proof, exchange)
            return
        }
        fetched.assumeIsolated()
            .whenComplete { _ in
                // The client may have left meanwhile: nothing begins that no end would follow.
                guard exchange.isOpen else {
                    return
                }
                let changeCount = self.services.authenticator.changeCount
                do throws(TokenError) {
                    guard let identity = try self.authenticate(credentials.proof, exchange) else {
                        return
                    }
                    self.letIn(identity, changeCount, credentials, wanted, exchange, then: then)
                } catch {
                    self.refuse(error, credentials.proof, exchange)
                }
            }
    }
}
