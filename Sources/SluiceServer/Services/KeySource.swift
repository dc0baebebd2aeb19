internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import SluiceAdmission
internal import Synchronization

/// Keeps the authenticator's keys: those that the configuration names, and those of the key set, which is read again
/// from time to time and for an unknown key.
///
/// While the source is away, the keys that were fetched last stay in force.
final class KeySource: Sendable {
    /// The least time between two fetches for unknown keys: anybody can make up a key's id.
    static let unknownKeyInterval = TimeAmount.minutes(1)
    /// The longest that one fetch may take.
    private static let timeout = TimeAmount.seconds(10)

    private struct State {
        /// What the operator wants now; a fetch may end after it was changed.
        var auth: GatewayConfiguration.Auth
        var keys: [VerificationKey] = []
        var lastUnknownKeyFetchAt: NIODeadline?
        var current: EventLoopFuture<Void>?
        var failureCount = 0
        var fetchCount = 0
    }

    private let client: HTTPClient
    private let authenticator: Authenticator
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - auth: What the operator wants.
    ///   - client: Fetches the set.
    ///   - authenticator: Gets the keys whenever they change.
    ///   - logger: Told of failures.
    init(_ auth: GatewayConfiguration.Auth, client: HTTPClient, authenticator: Authenticator, logger: Logger) {
        self.client = client
        self.authenticator = authenticator
        self.logger = logger
        self.state = Mutex(State(auth: auth))
    }

    /// Takes over what the operator wants from now on.
    ///
    /// The keys of another URL have to be fetched then.
    ///
    /// - Throws: What cannot be read; then everything stays as it was.
    func replace(_ auth: GatewayConfiguration.Auth) throws(KeyLoader.Failure) {
        try self.state.withLock { state throws(KeyLoader.Failure) in
            let keys = auth.jwks.url == state.auth.jwks.url ? state.keys : []
            try self.install(keys, auth)
            state.keys = keys
            state.auth = auth
        }
    }

    /// How often the source was asked, and how often in vain.
    var counts: (fetches: Int, failures: Int) { self.state.withLock { ($0.fetchCount, $0.failureCount) } }

    /// Reads the key set again now, or joins the fetch that is under way.
    func fetch(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let (current, url): (EventLoopFuture<Void>?, String?) = self.state.withLock { state in
            guard state.current == nil, let url = state.auth.jwks.url else {
                return (state.current, nil)
            }
            state.current = promise.futureResult
            state.fetchCount += 1
            return (nil, url)
        }
        guard let url else {
            if current == nil {
                self.readFile()
            }
            promise.succeed()
            return current?.hop(to: eventLoop) ?? promise.futureResult
        }
        self.request(url)
            .whenComplete { result in
                self.take(result, from: url)
                promise.succeed()
            }
        return promise.futureResult
    }

    /// Fetches for a token whose key is not known; nil if that was done a short while ago.
    func fetchForUnknownKey(on eventLoop: any EventLoop) -> EventLoopFuture<Void>? {
        let now = eventLoop.now
        let isTime = self.state.withLock { state in
            guard state.auth.jwks.url != nil || state.auth.jwks.file != nil else {
                return false
            }
            if let last = state.lastUnknownKeyFetchAt, now < last + Self.unknownKeyInterval {
                return state.current != nil
            }
            state.lastUnknownKeyFetchAt = now
            return true
        }
        return isTime ? self.fetch(on: eventLoop) : nil
    }

    private func request(_ url: String) -> EventLoopFuture<[UInt8]> {
        let eventLoop = self.client.eventLoopGroup.any()
        do {
            let request = try HTTPClient.Request(url: url, headers: ["Accept": "application/json"])
            let delegate = ResponseAccumulator(request: request, maxBodySize: JSONWebKeySet.maximumBytes)
            return self.client
                .execute(
                    request: request,
                    delegate: delegate,
                    deadline: .now() + Self.timeout
                )
                .futureResult
                .flatMapThrowing { response in
                    guard response.status == .ok, let body = response.body else {
                        throw KeyLoader.Failure(description: "the answer was \(response.status.code)")
                    }
                    return Array(body.readableBytesView)
                }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func take(_ result: Result<[UInt8], any Error>, from url: String) {
        do {
            let set = try JSONWebKeySet(try result.get())
            guard !set.keys.isEmpty else {
                throw KeyLoader.Failure(description: "the set holds no key that can be used")
            }
            try self.state.withLock { state in
                state.current = nil
                // The operator may have named another source meanwhile.
                guard state.auth.jwks.url == url else {
                    return
                }
                try self.install(set.keys, state.auth)
                state.keys = set.keys
            }
        } catch {
            self.state.withLock { state in
                state.current = nil
                state.failureCount += 1
            }
            self.logger.warning("key set not fetched; the last one stays", metadata: ["error": "\(error)"])
        }
    }

    /// Reads the key set of a file, if the operator named one.
    private func readFile() {
        do {
            try self.state.withLock { state throws(KeyLoader.Failure) in
                if state.auth.jwks.file != nil {
                    try self.install([], state.auth)
                }
            }
        } catch {
            self.logger.warning("key set not read; the last one stays", metadata: ["error": "\(error)"])
        }
    }

    private func install(_ keys: [VerificationKey], _ auth: GatewayConfiguration.Auth) throws(KeyLoader.Failure) {
        let verifier = try KeyLoader.verifier(auth, keySet: keys)
        self.authenticator.replace(verifier: verifier, ingestKeys: try KeyLoader.ingestKeys(auth))
    }
}
