internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Tickets where there are several nodes: any may have issued it, and it is used once on all of them.
extension Gatekeeper {
    /// Finds the identity behind a ticket, and uses the ticket up; `then` is called only if that is so.
    ///
    /// A ticket whose token is not good is not used up.
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
        let digest = SealedTicket.digest(of: ticket)
        let kept = exchange.eventLoop.makePromise(of: [UInt8]?.self)
        peers.ticket(digest) { result in kept.completeWith(result.mapError { $0 as any Error }) }
        self.whenReached(kept.futureResult, exchange) { sealed in
            let changeCount = self.services.authenticator.changeCount
            do throws(TokenError) {
                let now = WallTime.now().seconds
                let identity = try self.services.authenticator.openTicket(ticket, sealed ?? [], now: now)
                self.useUp(digest, peers, credentials, exchange) {
                    self.letIn(identity, changeCount, credentials, wanted, exchange, then: then)
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
    private func whenReached<Answer: Sendable>(
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
