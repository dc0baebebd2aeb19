internal import DequeModule
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

extension SubscriptionSession {
    /// Beyond this many bytes of waiting frames, the client's next frames stay in its socket.
    private static let maximumActionBytes = 16 * 1024

    /// Performs the action of a client's frame, and answers it.
    ///
    /// In the order of the frames: while the relay is asked on behalf of one, those after it wait.
    func act(on action: ClientAction) {
        self.actions.append(action)
        self.actionBytes += action.byteCount
        self.actOnNext()
    }

    /// Performs the waiting actions that are possible now.
    ///
    /// A subscription starts with frames of the relay, which are not counted as answers, so it waits until the socket
    /// takes more.
    func actOnNext() {
        while !self.isLookingUp, let outbox = self.outbox, let action = self.actions.first,
            outbox.isWritable || !action.mayBeginSubscription
        {
            self.actions.removeFirst()
            self.actionBytes -= action.byteCount
            self.perform(action)
        }
        let isHeld = self.actionBytes > Self.maximumActionBytes
        if let socket = self.socket, socket.isInputHeld != isHeld {
            socket.isInputHeld = isHeld
        }
    }

    /// Continues with an answer of the relay, and then with the frames that came meanwhile.
    ///
    /// Where the relay could not look, the client is told that the action was not done.
    private func whenLookedUp<Answer: Sendable>(
        _ answer: EventLoopFuture<Answer>,
        _ action: ClientAction,
        then: @escaping (Answer) -> Void
    ) {
        self.isLookingUp = true
        answer.assumeIsolated()
            .whenComplete { result in
                self.isLookingUp = false
                guard self.outbox != nil else {
                    return
                }
                switch result {
                case .success(let answer):
                    then(answer)
                case .failure(let error):
                    let problem = IngestAnswers.problem(refusal: error)
                    self.refuse(code: problem.code.rawValue, "the action was not done; try again", id: action.id)
                }
                self.actOnNext()
            }
    }

    private func perform(_ action: ClientAction) {
        switch action.kind {
        case .subscribe(let scan, let query):
            self.actOnSubscribe(action, scan: scan, query)
        case .unsubscribe(let scan):
            guard let subscriber = self.subscriber(for: scan, action) else {
                return
            }
            self.services.relay.unsubscribe(subscriber, on: self.eventLoop)
            self.subscribers[subscriber.scanID] = nil
            self.send(Notice.unsubscribed(id: action.id).text(scanID: subscriber.scanID))
        case .rate(let rate, let scan):
            guard let subscriber = self.subscriber(for: scan, action) else {
                return
            }
            self.change(subscriber, framesPerSecond: rate, action)
        case .refresh(let token):
            self.refresh(token, action)
        case .ping:
            self.send(AnswerText.pong(id: action.id))
        }
    }

    private func actOnSubscribe(_ action: ClientAction, scan: String?, _ query: SubscriptionQuery) {
        if let text = scan ?? self.scanID?.text, let scanID = ScanID(text), let subscriber = self.subscribers[scanID] {
            guard query.since == nil else {
                self.follow(scanID, query, action, replacing: subscriber)
                return
            }
            self.change(subscriber, filter: query.filter, framesPerSecond: query.framesPerSecond, action)
            return
        }
        guard self.scanID == nil else {
            self.refuse(code: "not_subscribed", "this socket follows \(self.scanID?.text ?? "") alone", id: action.id)
            return
        }
        guard let text = scan else {
            self.refuse(code: ProblemCode.invalidParameter.rawValue, "say which scanId", id: action.id)
            return
        }
        guard let scanID = ScanID(text) else {
            self.refuse(code: ProblemCode.invalidScanID.rawValue, "this is no scan's id", id: action.id)
            return
        }
        self.follow(scanID, query, action)
    }

    /// Follows one more scan on a socket of many, or a followed scan from another place.
    private func follow(
        _ scanID: ScanID,
        _ query: SubscriptionQuery,
        _ action: ClientAction,
        replacing old: Subscriber? = nil
    ) {
        let limit = self.services.settings.configuration.clients.maxSubscriptions
        guard old != nil || self.subscribers.count < limit else {
            self.refuse(
                code: "too_many_subscriptions",
                "a socket follows at most \(limit) scans",
                scanID: scanID.text,
                id: action.id
            )
            return
        }
        self.whenLookedUp(self.services.relay.owner(of: scanID, on: self.eventLoop), action) { found in
            guard self.identity.maySubscribe(scan: scanID.text, owner: found?.owner) else {
                self.refuse(
                    code: ProblemCode.forbidden.rawValue,
                    "the token does not allow reading this scan",
                    scanID: scanID.text,
                    id: action.id
                )
                return
            }
            var request = query.request(for: scanID, form: self.form)
            request.isBatched = request.isBatched ?? self.query.isBatched
            request.framesPerSecond = request.framesPerSecond ?? self.query.framesPerSecond
            request.requestID = action.id
            if let old {
                self.services.relay.unsubscribe(old, on: self.eventLoop)
                self.subscribers[scanID] = nil
            }
            self.subscribe(request)
            // The home's answer to a later question comes after its `subscribed`, which no `unsubscribe` may overtake.
            if let subscriber = self.subscribers[scanID] {
                self.whenLookedUp(self.services.relay.report(on: subscriber, on: self.eventLoop), action) { _ in }
            }
        }
    }

    private func change(
        _ subscriber: Subscriber,
        filter: TypeFilter? = nil,
        framesPerSecond: Double? = nil,
        _ action: ClientAction
    ) {
        let changed = self.services.relay.change(
            subscriber,
            filter: filter,
            framesPerSecond: framesPerSecond,
            on: self.eventLoop
        )
        self.whenLookedUp(changed, action) { rate in
            self.send(AnswerText.ack(action, scanID: subscriber.scanID, framesPerSecond: rate))
        }
    }

    private func subscriber(for scan: String?, _ action: ClientAction) -> Subscriber? {
        guard let text = scan ?? self.scanID?.text else {
            self.refuse(code: ProblemCode.invalidParameter.rawValue, "say which scanId", id: action.id)
            return nil
        }
        guard let scanID = ScanID(text), let subscriber = self.subscribers[scanID] else {
            self.refuse(code: "not_subscribed", "this socket does not follow that scan", scanID: text, id: action.id)
            return nil
        }
        return subscriber
    }

    /// Takes a newer token of the same user, if it still allows all that is followed.
    private func refresh(_ token: String, _ action: ClientAction, mayFetchKeys: Bool = true) {
        do throws(TokenError) {
            let fresh = try self.services.authenticator.authenticate(token: token, now: WallTime.now().seconds)
            self.goOn(as: fresh, action)
        } catch {
            // A key that was changed shows in a newer token first.
            if mayFetchKeys, error.isUnknownKey,
                let fetched = self.services.keySource.fetchForUnknownKey(on: self.eventLoop)
            {
                self.whenLookedUp(fetched, action) { _ in self.refresh(token, action, mayFetchKeys: false) }
                return
            }
            guard !error.isOfMissingKey || !self.services.keySource.isAwaitingIssuer else {
                let message = "the issuer of tokens cannot be reached yet; try again"
                self.refuse(code: ProblemCode.authUnavailable.rawValue, message, id: action.id)
                return
            }
            self.services.credentialLog.refused(
                error.reason.rawValue,
                "refresh",
                client: IPAddress(self.peer),
                peer: self.peer,
                now: self.eventLoop.now
            )
            self.refuse(code: ProblemCode.invalidToken.rawValue, "the token is not valid; get a new one", id: action.id)
        }
    }

    private func goOn(as fresh: Identity, _ action: ClientAction) {
        guard fresh.subject == self.identity.subject else {
            self.end(.forbidden, "a token of another user")
            return
        }
        self.whenLookedUp(self.connection.mayFollow(Array(self.subscribers.keys), as: fresh), action) { mayStay in
            guard mayStay else {
                self.end(.forbidden, "the new token does not allow reading this scan")
                return
            }
            // The newer token is in a frame, wherever the first one was.
            let arrival = Arrival(page: self.arrival.page)
            // It may have been revoked while the homes were asked, and before it stood here to be found.
            if case .ends(let closing) = self.services.verdict(on: fresh, arrival: arrival, certificate: nil) {
                self.close(closing)
                return
            }
            self.refresh(as: fresh, arrival)
            self.send(AnswerText.ack(action))
        }
    }
}
