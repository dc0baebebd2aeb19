internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Tickets for signing in: each is traded once, for the token that it was made of, on whichever node.
extension Gatekeeper {
    /// Answers with the token behind a ticket, and uses the ticket up.
    ///
    /// A ticket for a connection is refused by its form, without a look whether there is one. A ticket whose token is
    /// not good, or whose user has no requests left, is not used up.
    func trade(_ ticket: String, _ exchange: HTTPExchange, mayFetchKeys: Bool = true) {
        guard SealedTicket.isTicket(ticket, for: .signIn) else {
            self.refuseTrade(TokenError(.ticket), exchange)
            return
        }
        let digest = SealedTicket.digest(of: ticket)
        self.kept(digest, exchange) { sealed in
            let opened: (token: String, identity: Identity)
            do throws(TokenError) {
                let now = WallTime.now().seconds
                opened = try self.services.authenticator.openSignIn(ticket, sealed ?? [], now: now)
            } catch {
                self.tradeAgain(ticket, error, exchange, mayFetchKeys: mayFetchKeys)
                return
            }
            guard self.hasRequests(opened.identity, exchange) else {
                return
            }
            self.useUp(digest, exchange) { isFirst in
                guard isFirst else {
                    self.refuseTrade(TokenError(.ticket), exchange)
                    return
                }
                self.chargeRequest(opened.identity, exchange)
                if self.services.authenticator.isRevoked(opened.identity) {
                    // While the nodes agreed on who was first.
                    self.refuseTrade(TokenError(.revoked), exchange)
                } else {
                    Self.answer(opened.token, opened.identity, exchange)
                }
            }
        }
    }

    /// Whether the user may make requests.
    ///
    /// Who is not the first to trade a ticket must not spend the user's.
    private func hasRequests(_ identity: Identity, _ exchange: HTTPExchange) -> Bool {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        let problem = self.services.limits.requests.answer(for: identity.producerName, now: now).problem("requests")
        if let problem {
            exchange.respond(problem: problem)
        }
        return problem == nil
    }

    private func chargeRequest(_ identity: Identity, _ exchange: HTTPExchange) {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        _ = self.services.limits.requests.charge(1, for: identity.producerName, now: now)
    }

    /// A token may name a key that is not here yet; what else there is to say against it refuses the ticket.
    private func tradeAgain(_ ticket: String, _ error: TokenError, _ exchange: HTTPExchange, mayFetchKeys: Bool) {
        guard mayFetchKeys, error.isUnknownKey,
            let fetched = self.services.keySource.fetchForUnknownKey(on: exchange.eventLoop)
        else {
            self.refuseTrade(error, exchange)
            return
        }
        fetched.assumeIsolated()
            .whenComplete { _ in
                if exchange.isOpen {
                    self.trade(ticket, exchange, mayFetchKeys: false)
                }
            }
    }

    /// What is kept of a ticket: at all nodes, or here where there is no other.
    private func kept(_ digest: String, _ exchange: HTTPExchange, then: @escaping ([UInt8]?) -> Void) {
        guard let peers = self.services.peers else {
            then(self.services.authenticator.keptSignIn(digest))
            return
        }
        guard self.mayLookUp(exchange) else {
            return
        }
        let kept = exchange.eventLoop.makePromise(of: [UInt8]?.self)
        peers.ticket(digest) { result in kept.completeWith(result.mapError { $0 as any Error }) }
        self.whenReached(kept.futureResult, exchange, then: then)
    }

    private func useUp(_ digest: String, _ exchange: HTTPExchange, then: @escaping (_ isFirst: Bool) -> Void) {
        guard let peers = self.services.peers else {
            then(self.services.authenticator.useUpSignIn(digest))
            return
        }
        let used = exchange.eventLoop.makePromise(of: Bool.self)
        peers.redeem(digest) { result in used.completeWith(result.mapError { $0 as any Error }) }
        self.whenReached(used.futureResult, exchange, then: then)
    }

    /// Counted and logged as any bad credential; whether there was such a ticket is not said.
    private func refuseTrade(_ error: TokenError, _ exchange: HTTPExchange) {
        let problem =
            error.reason == .ticket
            ? Problem(
                .invalidTicket,
                "there is no such ticket for signing in, or it was used, or is older than 30 s; get a new one"
            )
            : Problem(.invalidToken, "the token that the ticket was made of is not valid any more; get a new one")
        self.refuse(error, "sign_in_ticket", exchange, problem)
    }

    private static func answer(_ token: String, _ identity: Identity, _ exchange: HTTPExchange) {
        let now = WallTime.now().seconds
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: token.utf8.count + 64)
        writer.beginObject()
        writer.member("token", token)
        // Within the leeway of its end it is good for nothing more.
        writer.member("expiresIn", Int(max(0, (identity.expiresAt ?? now) - now)))
        writer.endObject()
        exchange.respond(.json(writer.buffer))
    }
}
