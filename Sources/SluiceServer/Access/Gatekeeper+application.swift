internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Visitors whom the application knows.
extension Gatekeeper {
    /// What a request is for.
    struct Wanted {
        let action: ApplicationQuestion.Action
        /// As the path names it.
        let scan: String?
    }

    /// Whether tokens that are none of the gateway's are the application's to judge.
    var takesOpaqueTokens: Bool { self.services.settings.configuration.auth.forward.takesAuthorization }

    /// A request, as the application is told of it.
    func errand(_ wanted: Wanted, _ exchange: HTTPExchange) -> Errand {
        Errand(
            exchange.request,
            in: exchange.context,
            on: exchange.connection,
            client: self.client(of: exchange),
            action: wanted.action,
            scan: wanted.scan,
            settings: self.services.settings
        )
    }

    /// Has the application judge a request, if it shows something that the application may know.
    ///
    /// `then` is called, perhaps later, if it lets the request in; otherwise this answers the refusal.
    ///
    /// - Returns: Whether it is the application's to judge.
    func askApplication(
        _ credentials: Credentials,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        then: @escaping (Visitor) -> Void
    ) -> Bool {
        let forward = self.services.settings.configuration.auth.forward
        guard let judge = self.services.application, let shown = forward.credential(in: exchange.request.headers) else {
            return false
        }
        // Before anybody is asked: the page is not to learn from the answer, or its time, who the visitor is.
        guard !shown.isAmbient || self.mayCome(exchange) else {
            exchange.respond(problem: Problem(.originRefused, "pages of this origin may not act for a visitor"))
            return true
        }
        guard shown.byteCount <= ApplicationCredential.maximumBytes else {
            let limit = ApplicationCredential.maximumBytes
            exchange.respond(
                problem: Problem(
                    .headersTooLarge,
                    "the fields that the application judges have more than \(limit) bytes"
                )
            )
            return true
        }
        var credentials = credentials
        credentials.carrier = .application
        credentials.isAmbient = false
        self.judge(shown, by: judge, wanted, exchange) { [credentials] identity in
            self.letIn(identity, self.services.authenticator.changeCount, credentials, wanted, exchange, then: then)
        }
        return true
    }

    /// Has the application judge what it was shown; `then` is called, perhaps later, if it knows who that is.
    ///
    /// Otherwise this answers the refusal.
    func judge(
        _ shown: ApplicationCredential,
        by judge: ApplicationJudge,
        _ wanted: Wanted,
        _ exchange: HTTPExchange,
        then: @escaping (Identity) -> Void
    ) {
        let errand = self.errand(wanted, exchange)
        let question = errand.question(shown)
        if let answer = judge.known(question, now: exchange.eventLoop.now) {
            self.take(answer, exchange, then: then)
            return
        }
        guard self.mayAsk(exchange) else {
            return
        }
        judge.ask(question, errand, isFresh: false, on: exchange.eventLoop).assumeIsolated()
            .whenSuccess { answer in
                // The client may have left meanwhile: nothing begins that no end would follow.
                if exchange.isOpen {
                    self.take(answer, exchange, then: then)
                }
            }
    }

    /// An address that showed many things which the application does not know asks it no more for a while, and none
    /// asks so much that others wait.
    private func mayAsk(_ exchange: HTTPExchange) -> Bool {
        let now = exchange.eventLoop.now.uptimeNanoseconds
        let problem =
            self.tooManyFailures(exchange)
            ?? self.address(of: exchange)
            .flatMap { address in
                self.services.limits.questionsByAddress.take(for: address, now: now)
                    .problem("new questions to the application from this address")
            }
        if let problem {
            exchange.respond(problem: problem)
        }
        return problem == nil
    }

    private func take(_ answer: ApplicationAnswer, _ exchange: HTTPExchange, then: (Identity) -> Void) {
        switch answer {
        case .admitted(let identity):
            then(identity)
        case .refused(let isKnown, let challenges):
            var problem = Problem(.forbidden, "the application does not allow this")
            if !isKnown {
                self.logRefusal(exchange)
                if let address = self.address(of: exchange) {
                    let now = exchange.eventLoop.now.uptimeNanoseconds
                    _ = self.services.limits.failuresByAddress.take(for: address, now: now)
                }
                problem = Problem(.notSignedIn, "the application does not know you; sign in there")
            }
            problem.challenges = challenges
            exchange.respond(problem: problem)
        case .unavailable:
            let message = "the application that knows who you are does not say so; try again"
            exchange.respond(problem: Problem(.authUnavailable, message, retryAfterSeconds: 2))
        }
    }

    private func logRefusal(_ exchange: HTTPExchange) {
        self.services.credentialLog.refused(
            "refused",
            "application",
            client: self.client(of: exchange),
            peer: exchange.connection.peerAddress,
            request: exchange.requestID,
            now: exchange.eventLoop.now
        )
    }
}
