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
    /// Why the keys changed.
    enum Change: Sendable {
        /// The operator named another source.
        case byReload
        /// The set itself changed: a key that is gone was withdrawn by its issuer.
        case bySet
    }

    /// The least time between two fetches for unknown keys: any client can invent a key's id.
    static let unknownKeyInterval = TimeAmount.minutes(1)
    /// The longest that one fetch may take.
    private static let timeout = TimeAmount.seconds(10)

    private struct State {
        /// The present configuration; a fetch may end after a change of it.
        var loaded: KeyLoader.Loaded
        /// The last set fetched from the configured address; nil if there is none yet.
        var fetched: JSONWebKeySet?
        /// Whether the keys of another address are awaited since the configuration was reloaded.
        var isReloading = false
        /// The entries passed over that the operator was told of last.
        var toldOf: [JSONWebKeySet.PassedOver] = []
        var lastUnknownKeyFetchAt: NIODeadline?
        var current: EventLoopFuture<Void>?
        var failureCount = 0
        var fetchCount = 0

        /// Whether the source was never reached, so that keys may be missing that are not known.
        var isIncomplete: Bool { self.loaded.auth.jwks.url != nil && self.fetched == nil }
        /// The key set in force.
        var set: JSONWebKeySet? { self.loaded.fileSet ?? self.fetched }
    }

    private let client: HTTPClient
    private let authenticator: Authenticator
    private let logger: Logger
    private let state: Mutex<State>
    private let observer = Mutex<(@Sendable (Change) -> Void)?>(nil)

    /// - Parameters:
    ///   - loaded: The configured keys, which the authenticator already has. The check of the configuration has
    ///     already reported on a key set in a file.
    ///   - client: Fetches the set.
    ///   - authenticator: Gets the keys whenever they change.
    ///   - logger: Told of failures.
    init(_ loaded: KeyLoader.Loaded, client: HTTPClient, authenticator: Authenticator, logger: Logger) {
        self.client = client
        self.authenticator = authenticator
        self.logger = logger
        self.state = Mutex(State(loaded: loaded, toldOf: loaded.fileSet?.passedOver ?? []))
    }

    /// Calls `observer` each time a key set has changed.
    func whenKeysChange(_ observer: @escaping @Sendable (Change) -> Void) {
        self.observer.withLock { $0 = observer }
    }

    /// Takes over a new configuration.
    ///
    /// The keys of another URL must then be fetched.
    func replace(_ loaded: KeyLoader.Loaded) {
        let note = self.state.withLock { state in
            if loaded.auth.jwks.url != state.loaded.auth.jwks.url {
                state.fetched = nil
                state.isReloading = loaded.auth.jwks.url != nil
                // A fetch on its way comes from another address.
                state.current = nil
            }
            state.loaded = loaded
            self.install(state)
            return Self.note(&state)
        }
        self.tell(note)
    }

    /// How often the source was asked, and how often in vain.
    var counts: (fetches: Int, failures: Int) { self.state.withLock { ($0.fetchCount, $0.failureCount) } }

    /// Reads the key set again now, or joins the fetch that is under way.
    func fetch(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let (current, url): (EventLoopFuture<Void>?, String?) = self.state.withLock { state in
            guard state.current == nil, let url = state.loaded.auth.jwks.url else {
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
            guard state.loaded.auth.jwks.url != nil || state.loaded.auth.jwks.file != nil else {
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
                let reason = set.passedOver.first.map { ": \($0)" } ?? ""
                throw KeyLoader.Failure(description: "the set holds no key that can be used\(reason)")
            }
            let (note, change): (Note, Change?) = self.state.withLock { state in
                // The operator may have named another source meanwhile, which is asked on its own.
                guard state.loaded.auth.jwks.url == url else {
                    return (Note(), nil)
                }
                state.current = nil
                let change = state.isReloading ? Change.byReload : .bySet
                state.isReloading = false
                state.fetched = set
                return (Self.note(&state), self.install(state) ? change : nil)
            }
            self.tell(note)
            self.tellOfChange(change)
        } catch {
            self.state.withLock { state in
                if state.loaded.auth.jwks.url == url {
                    state.current = nil
                }
                state.failureCount += 1
            }
            self.logger.warning("key set not fetched; the last one stays", metadata: ["error": "\(error)"])
        }
    }

    /// Reads the key set of a file, if the operator named one.
    private func readFile() {
        do {
            let (note, change): (Note, Change?) = try self.state.withLock { state throws(KeyLoader.Failure) in
                guard let set = try KeyLoader.fileSet(state.loaded.auth) else {
                    return (Note(), nil)
                }
                state.loaded.fileSet = set
                return (Self.note(&state), self.install(state) ? .bySet : nil)
            }
            self.tell(note)
            self.tellOfChange(change)
        } catch {
            self.logger.warning("key set not read; the last one stays", metadata: ["error": "\(error)"])
        }
    }

    /// Whether these are other keys than before.
    @discardableResult
    private func install(_ state: State) -> Bool {
        self.authenticator.replace(
            verifier: state.loaded.verifier(fetched: state.fetched?.keys ?? []),
            ingestKeys: state.loaded.ingestKeys,
            areKeysComplete: !state.isIncomplete
        )
    }

    private func tellOfChange(_ change: Change?) {
        if let change {
            self.observer.withLock { $0 }?(change)
        }
    }

    // MARK: Entries that are of no use

    /// What to log about a key set.
    private struct Note {
        var passedOver: [JSONWebKeySet.PassedOver] = []
        var count = 0
    }

    /// An issuer's set is read every few minutes: skipped entries are logged once, and again when they change.
    private static func note(_ state: inout State) -> Note {
        let passedOver = state.set?.passedOver ?? []
        defer { state.toldOf = passedOver }
        guard passedOver != state.toldOf else {
            return Note()
        }
        return Note(passedOver: passedOver, count: state.set?.passedOverCount ?? 0)
    }

    private func tell(_ note: Note) {
        for entry in note.passedOver {
            self.logger.info("key set entry passed over", metadata: ["entry": "\(entry)"])
        }
        if note.count > note.passedOver.count {
            self.logger.info(
                "more key set entries passed over",
                metadata: ["entries": .stringConvertible(note.count - note.passedOver.count)]
            )
        }
    }
}
