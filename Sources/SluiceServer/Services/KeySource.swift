internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import SluiceAdmission
internal import Synchronization

/// Fetches the key set that the operator named by URL, from time to time and for an unknown key.
///
/// While the source is away, the keys that were fetched last stay in force.
final class KeySource: Sendable {
    /// The least time between two fetches for unknown keys: anybody can make up a key's id.
    static let unknownKeyInterval = TimeAmount.minutes(1)
    /// The longest that one fetch may take.
    private static let timeout = TimeAmount.seconds(10)

    private struct State {
        var keys: [VerificationKey] = []
        var lastUnknownKeyFetchAt: NIODeadline?
        var current: EventLoopFuture<Void>?
        var failureCount = 0
        var fetchCount = 0
    }

    private let url: String
    private let client: HTTPClient
    private let logger: Logger
    private let state = Mutex(State())
    private let changed: @Sendable ([VerificationKey]) -> Void

    /// - Parameters:
    ///   - url: Where the set is.
    ///   - client: Fetches it.
    ///   - logger: Told of failures.
    ///   - changed: Gets each set that was fetched.
    init(url: String, client: HTTPClient, logger: Logger, changed: @escaping @Sendable ([VerificationKey]) -> Void) {
        self.url = url
        self.client = client
        self.logger = logger
        self.changed = changed
    }

    /// The keys fetched last.
    var keys: [VerificationKey] { self.state.withLock { $0.keys } }

    /// How often the source was asked, and how often in vain.
    var counts: (fetches: Int, failures: Int) { self.state.withLock { ($0.fetchCount, $0.failureCount) } }

    /// Fetches now, or joins the fetch that is under way.
    func fetch(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let current: EventLoopFuture<Void>? = self.state.withLock { state in
            if let current = state.current {
                return current
            }
            state.current = promise.futureResult
            state.fetchCount += 1
            return nil
        }
        if let current {
            promise.succeed()
            return current.hop(to: eventLoop)
        }
        self.request()
            .whenComplete { result in
                self.take(result)
                promise.succeed()
            }
        return promise.futureResult
    }

    /// Fetches for a token whose key is not known; nil if that was done a short while ago.
    func fetchForUnknownKey(on eventLoop: any EventLoop) -> EventLoopFuture<Void>? {
        let now = eventLoop.now
        let isTime = self.state.withLock { state in
            if let last = state.lastUnknownKeyFetchAt, now < last + Self.unknownKeyInterval {
                return state.current != nil
            }
            state.lastUnknownKeyFetchAt = now
            return true
        }
        return isTime ? self.fetch(on: eventLoop) : nil
    }

    private func request() -> EventLoopFuture<[UInt8]> {
        let eventLoop = self.client.eventLoopGroup.any()
        do {
            let request = try HTTPClient.Request(url: self.url, headers: ["Accept": "application/json"])
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

    private func take(_ result: Result<[UInt8], any Error>) {
        do {
            let set = try JSONWebKeySet(try result.get())
            guard !set.keys.isEmpty else {
                throw KeyLoader.Failure(description: "the set holds no key that can be used")
            }
            self.state.withLock { state in
                state.keys = set.keys
                state.current = nil
            }
            self.changed(set.keys)
        } catch {
            self.state.withLock { state in
                state.current = nil
                state.failureCount += 1
            }
            self.logger.warning("key set not fetched; the last one stays", metadata: ["error": "\(error)"])
        }
    }
}
