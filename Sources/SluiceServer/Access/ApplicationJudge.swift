internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import Synchronization

/// Asks the application who a visitor is, for all event loops; ``ApplicationBook`` decides when.
final class ApplicationJudge: Sendable {
    /// How often it was asked, by what came of it, and how often it did not have to be.
    struct Counts: Sendable {
        var admitted = 0
        var refused = 0
        var unavailable = 0
        var cached = 0
    }

    /// The most questions that are with the application at a time; others wait, within their time.
    private static let maximumConnections = 64
    /// How often trouble is logged at most.
    private static let logInterval = TimeAmount.minutes(1)
    /// What is said where too many wait.
    private static let full = ApplicationAnswer.unavailable("too many questions wait for the application")

    fileprivate struct State {
        var forward: GatewayConfiguration.Auth.Forward
        var roles: ClaimRules
        /// Speaks to the application; nil where there is none.
        var client: HTTPClient?
        var book: ApplicationBook<EventLoopPromise<ApplicationAnswer>>
        var counts = Counts()
        var lastLoggedAt: NIODeadline?
    }

    private let group: any EventLoopGroup
    private let authenticator: Authenticator
    private let logger: Logger
    private let state: Mutex<State>

    init(
        _ auth: GatewayConfiguration.Auth,
        group: any EventLoopGroup,
        authenticator: Authenticator,
        logger: Logger
    ) {
        self.group = group
        self.authenticator = authenticator
        self.logger = logger
        self.state = Mutex(
            State(
                forward: auth.forward,
                roles: auth.claims,
                client: Self.makeClient(auth.forward, group),
                book: ApplicationBook(cacheNanoseconds: UInt64(auth.forward.cache.nanoseconds))
            )
        )
    }

    /// What came of the questions so far.
    var counts: Counts { self.state.withLock { $0.counts } }

    /// Takes over a new configuration: answers are kept only if the same application would give them.
    func replace(_ auth: GatewayConfiguration.Auth) {
        let old: HTTPClient? = self.state.withLock { state in
            guard state.forward != auth.forward || state.roles != auth.claims else {
                return nil
            }
            var old: HTTPClient?
            if state.forward.ca != auth.forward.ca || (state.forward.url == nil) != (auth.forward.url == nil) {
                old = state.client
                state.client = Self.makeClient(auth.forward, self.group)
            }
            state.forward = auth.forward
            state.roles = auth.claims
            state.book.cacheNanoseconds = UInt64(auth.forward.cache.nanoseconds)
            state.book.clear()
            return old
        }
        old?.shutdown { _ in }
    }

    /// Asks no more.
    func stop() async throws {
        try await self.state.withLock { $0.client.take() }?.shutdown()
    }

    /// The answer to a question that need not be asked.
    func known(_ question: ApplicationQuestion, now: NIODeadline) -> ApplicationAnswer? {
        let answer = self.state.withLock { state in
            state.book.known(question, now: now.uptimeNanoseconds, wallTime: WallTime.now().seconds)
        }
        guard let answer, !self.isRevoked(answer) else {
            return nil
        }
        self.state.withLock { $0.counts.cached += 1 }
        return answer
    }

    /// Asks, or joins those who wait for the same answer; it comes on the event loop.
    ///
    /// With `isFresh` a kept answer does not do.
    func ask(
        _ question: ApplicationQuestion,
        _ errand: Errand,
        isFresh: Bool,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<ApplicationAnswer> {
        let promise = eventLoop.makePromise(of: ApplicationAnswer.self)
        let now = eventLoop.now
        let (reply, generation) = self.state.withLock { state in
            let reply = state.book.ask(
                question,
                promise,
                isFresh: isFresh,
                now: now.uptimeNanoseconds,
                wallTime: WallTime.now().seconds
            )
            return (reply, state.book.currentGeneration)
        }
        switch reply {
        case .answered(let answer):
            promise.succeed(answer)
        case .wait:
            break
        case .full:
            promise.succeed(Self.full)
        case .ask:
            self.request(question, errand)
                .whenComplete { self.take($0, question, generation: generation) }
        }
        return promise.futureResult
    }

    private func request(
        _ question: ApplicationQuestion,
        _ errand: Errand
    ) -> EventLoopFuture<HTTPClient.Response> {
        let (client, forward) = self.state.withLock { ($0.client, $0.forward) }
        let eventLoop = self.group.any()
        guard let client, let url = forward.url else {
            return eventLoop.makeFailedFuture(KeyLoader.Failure(description: "no application is configured"))
        }
        do {
            let fields = question.credential.fields + errand.fields
            let headers = HTTPHeaders([("Accept", "application/json")] + fields.map { ($0.name, $0.value) })
            let request = try HTTPClient.Request(url: url, headers: headers)
            let delegate = ResponseAccumulator(request: request, maxBodySize: ApplicationAnswer.maximumBytes)
            return client.execute(request: request, delegate: delegate, deadline: .now() + forward.timeout)
                .futureResult
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func take(
        _ result: Result<HTTPClient.Response, any Error>,
        _ question: ApplicationQuestion,
        generation: Int
    ) {
        let roles = self.state.withLock { $0.roles }
        var answer: ApplicationAnswer
        switch result {
        case .success(let response):
            answer = ApplicationAnswer(
                status: Int(response.status.code),
                challenges: response.headers["WWW-Authenticate"],
                body: response.body.map { Array($0.readableBytesView) } ?? [],
                credential: question.credential,
                roles: roles,
                now: WallTime.now().seconds
            )
        case .failure(let error):
            answer = .unavailable("\(error)")
        }
        if self.isRevoked(answer) {
            answer = .refused(isKnown: false, challenges: [])
        }
        let now = NIODeadline.now()
        let (waiters, isTold) = self.state.withLock { state in
            state.count(answer)
            let waiters = state.book.answered(question, answer, generation: generation, now: now.uptimeNanoseconds)
            return (waiters, state.tells(of: answer, now: now, every: Self.logInterval))
        }
        if isTold, case .unavailable(let reason) = answer {
            self.logger.warning("the application does not say who visitors are", metadata: ["reason": "\(reason)"])
        }
        for waiter in waiters {
            waiter.succeed(answer)
        }
    }

    private func isRevoked(_ answer: ApplicationAnswer) -> Bool {
        if case .admitted(let identity) = answer { self.authenticator.isRevoked(identity) } else { false }
    }

    private static func makeClient(
        _ forward: GatewayConfiguration.Auth.Forward,
        _ group: any EventLoopGroup
    ) -> HTTPClient? {
        guard forward.url != nil else {
            return nil
        }
        return HTTPClient(
            eventLoopGroup: group,
            configuration: .outbound(ca: forward.ca, maximumConnections: Self.maximumConnections)
        )
    }
}

extension ApplicationJudge.State {
    fileprivate mutating func count(_ answer: ApplicationAnswer) {
        switch answer {
        case .admitted: self.counts.admitted += 1
        case .refused: self.counts.refused += 1
        case .unavailable: self.counts.unavailable += 1
        }
    }

    /// Whether this trouble is logged: the first, and then one in a while.
    fileprivate mutating func tells(of answer: ApplicationAnswer, now: NIODeadline, every interval: TimeAmount) -> Bool
    {
        guard case .unavailable = answer, self.lastLoggedAt.map({ $0 + interval <= now }) ?? true else {
            return false
        }
        self.lastLoggedAt = now
        return true
    }
}
