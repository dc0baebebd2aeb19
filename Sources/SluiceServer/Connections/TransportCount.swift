internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import Synchronization

/// ``TransportLimits`` over the connections of the public listener, for all event loops.
final class TransportCount: Sendable {
    private struct State {
        var limits: TransportLimits
        /// Those that are only told something.
        var told: [TransportLimits.ID: (shortage: TransportLimits.Shortage, channel: any Channel)] = [:]
    }

    private let state: Mutex<State>

    init(_ limits: GatewayConfiguration.Limits) {
        self.state = Mutex(State(limits: TransportLimits(limits)))
    }

    /// How many are open.
    var current: Int { self.state.withLock { $0.limits.count } }

    /// Whether to accept none for a moment.
    var isFull: Bool { self.state.withLock { $0.limits.isFull } }

    /// New limits from the operator; open connections stay.
    func setLimits(_ limits: GatewayConfiguration.Limits) {
        self.state.withLock { $0.limits.replace(limits) }
    }

    /// The machine's room, until the next check.
    func setVerdict(_ verdict: LoadShedder.Verdict) {
        self.state.withLock { $0.limits.verdict = verdict }
    }

    /// A connection was accepted; it counts until it is closed.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - address: Where it comes from; nil for proxies, which speak for many.
    ///   - now: The accepting loop's time.
    /// - Returns: The decision about it, and the connection that gives up its place and must be closed at once.
    func open(
        _ channel: any Channel,
        from address: AddressKey?,
        now: NIODeadline
    ) -> (answer: TransportLimits.Answer, evicted: (any Channel)?) {
        let id = ObjectIdentifier(channel)
        let (answer, evicted): (TransportLimits.Answer, (any Channel)?) = self.state.withLock { state in
            let answer = state.limits.open(id, from: address, now: now.uptimeNanoseconds)
            guard case .told(let shortage, let evicting) = answer else {
                return (answer, nil)
            }
            state.told[id] = (shortage, channel)
            return (answer, evicting.flatMap { state.told.removeValue(forKey: $0)?.channel })
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.told[id] = nil
                state.limits.close(id, from: address, answer)
            }
        }
        return (answer, evicted)
    }

    /// A load balancer has named the client of an open connection, which counts for it until it is closed.
    ///
    /// - Returns: Why it must be closed at once; nil if it may stay.
    func name(_ channel: any Channel, _ address: AddressKey, now: NIODeadline) -> TransportLimits.Refusal? {
        if let refusal = self.state.withLock({ $0.limits.name(address, now: now.uptimeNanoseconds) }) {
            return refusal
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.limits.release(address) }
        }
        return nil
    }

    /// The answer to a connection's requests; nil if it is welcome.
    func refusal(of channel: any Channel) -> Problem? {
        switch self.state.withLock({ $0.told[ObjectIdentifier(channel)]?.shortage }) {
        case nil:
            nil
        case .total:
            Problem(.overloaded, "the gateway holds as many connections as it may", retryAfterSeconds: 5)
        case .resources:
            Problem(.overloaded, "the gateway is short of resources", retryAfterSeconds: 5)
        }
    }

    /// A connection sent its first byte.
    func hear(_ channel: any Channel) {
        self.state.withLock { $0.limits.hear(ObjectIdentifier(channel)) }
    }
}
