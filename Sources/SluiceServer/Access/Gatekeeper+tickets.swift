internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Tickets where there are several nodes: any may have issued it, and it is used once on all of them.
extension Gatekeeper {
    /// Finds the identity behind a ticket, and uses the ticket up; `then` is called only if that is so.
    ///
    /// A ticket whose token is not good, or whose visitor the application does not let in, is not used up.
    func redeem(
        _ ticket: String,
        _ peers: any Peers,
        _ credentials: Credentials,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        mayFetchKeys: Bool = true,
        then: @escaping (Visitor) -> Void
    ) {
        guard SealedTicket.isTicket(ticket) else {
            self.refuse(TokenError(.ticket), credentials.proof, exchange)
            return
        }
        guard self.mayLookUp(exchange) else {
            return
        }
        let digest = SealedTicket.digest(of: ticket)
        let kept = exchange.eventLoop.makePromise(of: [UInt8]?.self)
        peers.ticket(digest) { result in kept.completeWith(result.mapError { $0 as any Error }) }
        self.whenReached(kept.futureResult, exchange) { sealed in
            let changeCount = self.services.authenticator.changeCount
            do throws(TokenError) {
                let now = WallTime.now().seconds
                let goOn = { (identity: Identity) in
                    self.useUp(digest, peers, credentials, exchange) {
                        self.letIn(identity, changeCount, credentials, wanted, exchange, then: then)
                    }
                }
                switch try self.services.authenticator.openTicket(ticket, sealed ?? [], now: now) {
                case .identity(let identity):
                    goOn(identity)
                case .visitor(let shown, let subject):
                    self.ask(shown, subject, credentials, wanted, exchange, then: goOn)
                }
            } catch {
                if mayFetchKeys, error.isUnknownKey,
                    let fetched = self.services.keySource.fetchForUnknownKey(on: exchange.eventLoop)
                {
                    fetched.assumeIsolated()
                        .whenComplete { _ in
                            if exchange.isOpen {
                                self.redeem(
                                    ticket,
                                    peers,
                                    credentials,
                                    wanted,
                                    exchange,
                                    mayFetchKeys: false,
                                    then: then
                                )
                            }
                        }
                    return
                }
                self.refuse(error, credentials.proof, exchange)
            }
        }
    }

    /// An address that showed many bad credentials has no ticket looked up for a while; this answers the refusal.
    func mayLookUp(_ exchange: HTTPExchange) -> Bool {
        let problem = self.tooManyFailures(exchange)
        if let problem {
            exchange.respond(problem: problem)
        }
        return problem == nil
    }

    /// The application says again what the visitor of a ticket may do; the fields are among those that it judges here.
    private func ask(
        _ shown: ApplicationCredential,
        _ subject: ByteName,
        _ credentials: Credentials,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        then: @escaping (Identity) -> Void
    ) {
        let forward = self.services.settings.configuration.auth.forward
        guard let judge = self.services.application, forward.judges(shown) else {
            self.refuse(TokenError(.ticket), credentials.proof, exchange)
            return
        }
        self.judge(shown, by: judge, wanted, exchange) { identity in
            guard identity.subject == subject else {
                self.refuse(TokenError(.ticket), credentials.proof, exchange)
                return
            }
            then(identity.asTicket)
        }
    }

    private func useUp(
        _ digest: String,
        _ peers: any Peers,
        _ credentials: Credentials,
        _ exchange: HTTPExchange,
        then: @escaping () -> Void
    ) {
        let used = exchange.eventLoop.makePromise(of: Bool.self)
        peers.redeem(digest) { result in used.completeWith(result.mapError { $0 as any Error }) }
        self.whenReached(used.futureResult, exchange) { isFirst in
            if isFirst {
                then()
            } else {
                self.refuse(TokenError(.ticket), credentials.proof, exchange)
            }
        }
    }

    /// The answer of what the nodes share, if the client is still there; otherwise this refuses.
    func whenReached<Answer: Sendable>(
        _ future: EventLoopFuture<Answer>,
        _ exchange: HTTPExchange,
        then: @escaping (Answer) -> Void
    ) {
        future.assumeIsolated()
            .whenComplete { result in
                guard exchange.isOpen else {
                    return
                }
                switch result {
                case .success(let answer):
                    then(answer)
                case .failure:
                    exchange.respond(
                        problem: Problem(
                            .storageUnavailable,
                            "tickets cannot be looked up now; get another and try again",
                            retryAfterSeconds: 5
                        )
                    )
                }
            }
    }
}
