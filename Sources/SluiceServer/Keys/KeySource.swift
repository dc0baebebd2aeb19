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
    /// An issuer that was never reached is asked again after this long, and then after twice as long, up to a minute.
    private static let firstRetryInterval = TimeAmount.seconds(1)
    private static let longestRetryInterval = TimeAmount.minutes(1)

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
        /// Since the last success.
        var failuresInRow = 0
        var fetchCount = 0
        var lastFetchAt: NIODeadline?

        /// Whether the source was never reached, so that keys may be missing that are not known.
        var isIncomplete: Bool { self.loaded.auth.keyAddress != nil && self.fetched == nil }
        /// Whether an issuer was never reached.
        var isAwaitingIssuer: Bool { self.isIncomplete && self.loaded.auth.oidc.issuer != nil }
        /// How long after a fetch the next one is due.
        var interval: TimeAmount {
            let refresh = self.loaded.auth.keyRefresh
            guard self.isAwaitingIssuer, self.failuresInRow > 0 else {
                return refresh
            }
            let factor = Int64(1) << min(self.failuresInRow - 1, 6)
            let retry = KeySource.firstRetryInterval * factor
            return min(refresh, retry, KeySource.longestRetryInterval)
        }
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
            if loaded.auth.keyAddress != state.loaded.auth.keyAddress {
                state.fetched = nil
                state.failuresInRow = 0
                state.isReloading = loaded.auth.keyAddress != nil
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
        typealias Address = GatewayConfiguration.Auth.KeyAddress
        let (current, address): (EventLoopFuture<Void>?, Address?) = self.state.withLock { state in
            state.lastFetchAt = eventLoop.now
            guard state.current == nil, let address = state.loaded.auth.keyAddress else {
                return (state.current, nil)
            }
            state.current = promise.futureResult
            state.fetchCount += 1
            return (nil, address)
        }
        guard let address else {
            if current == nil {
                self.readFile()
            }
            promise.succeed()
            return current?.hop(to: eventLoop) ?? promise.futureResult
        }
        self.request(address)
            .whenComplete { result in
                self.take(result, from: address)
                promise.succeed()
            }
        return promise.futureResult
    }

    /// Reads the key set again if it is time by the configuration of now, which a reload may have changed.
    func fetchIfDue(on eventLoop: any EventLoop) {
        let isDue = self.state.withLock { state in
            state.lastFetchAt.map { $0 + state.interval <= eventLoop.now } ?? true
        }
        if isDue {
            _ = self.fetch(on: eventLoop)
        }
    }

    /// Whether keys are missing because an issuer was never reached: a token that none of the others fits may be good.
    var isAwaitingIssuer: Bool { self.state.withLock { $0.isAwaitingIssuer } }

    /// Fetches for a token whose key is not known; nil if that was done a short while ago.
    func fetchForUnknownKey(on eventLoop: any EventLoop) -> EventLoopFuture<Void>? {
        let now = eventLoop.now
        let isTime = self.state.withLock { state in
            guard state.loaded.auth.keyAddress != nil || state.loaded.auth.jwks.file != nil else {
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

    private func request(_ address: GatewayConfiguration.Auth.KeyAddress) -> EventLoopFuture<[UInt8]> {
        let deadline = NIODeadline.now() + Self.timeout
        switch address {
        case .set(let url):
            return Self.request(url, by: self.client, limit: JSONWebKeySet.maximumBytes, deadline)
        case .issuer(let issuer, let ca):
            // One for each time, which is seldom: the file of its authority may have changed.
            let client = HTTPClient(eventLoopGroup: self.client.eventLoopGroup, configuration: .outbound(ca: ca))
            let document = IssuerDocument.address(of: issuer)
            return Self.request(document, by: client, limit: IssuerDocument.maximumBytes, deadline)
                .flatMapThrowing { bytes in
                    let url = try IssuerDocument(bytes, issuer: issuer).keySetAddress
                    guard let request = try? HTTPClient.Request(url: url), SecureAddress.isSecure(request) else {
                        throw KeyLoader.Failure(description: "the issuer's document names no https address of keys")
                    }
                    return url
                }
                .flatMap { Self.request($0, by: client, limit: JSONWebKeySet.maximumBytes, deadline) }
                .always { _ in client.shutdown { _ in } }
        }
    }

    private static func request(
        _ url: String,
        by client: HTTPClient,
        limit: Int,
        _ deadline: NIODeadline
    ) -> EventLoopFuture<[UInt8]> {
        do {
            let request = try HTTPClient.Request(url: url, headers: ["Accept": "application/json"])
            let delegate = ResponseAccumulator(request: request, maxBodySize: limit)
            return
                client
                .execute(request: request, delegate: delegate, deadline: deadline)
                .futureResult
                .flatMapThrowing { response in
                    guard response.status == .ok, let body = response.body else {
                        throw KeyLoader.Failure(description: "the answer was \(response.status.code)")
                    }
                    return Array(body.readableBytesView)
                }
        } catch {
            return client.eventLoopGroup.any().makeFailedFuture(error)
        }
    }

    private func take(_ result: Result<[UInt8], any Error>, from address: GatewayConfiguration.Auth.KeyAddress) {
        do {
            let set = try JSONWebKeySet(try result.get())
            guard !set.keys.isEmpty else {
                let reason = set.passedOver.first.map { ": \($0)" } ?? ""
                throw KeyLoader.Failure(description: "the set holds no key that can be used\(reason)")
            }
            let (note, change): (Note, Change?) = self.state.withLock { state in
                // The operator may have named another source meanwhile, which is asked on its own.
                guard state.loaded.auth.keyAddress == address else {
                    return (Note(), nil)
                }
                state.current = nil
                let change = state.isReloading ? Change.byReload : .bySet
                state.isReloading = false
                state.fetched = set
                state.failuresInRow = 0
                return (Self.note(&state), self.install(state) ? change : nil)
            }
            self.tell(note)
            self.tellOfChange(change)
        } catch {
            self.state.withLock { state in
                if state.loaded.auth.keyAddress == address {
                    state.current = nil
                    state.failuresInRow += 1
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
