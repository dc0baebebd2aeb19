internal import SluiceBase
internal import SluiceHTTP
internal import Synchronization

/// The counters of the server's side; the relay counts its own work itself.
///
/// Every counter exists from the start, at 0: a rate needs a value before the first event.
final class GatewayMetrics: Sendable {
    struct Counts: Sendable {
        /// Refusals by code: problems over HTTP, error frames and close codes over WebSocket.
        var refused = GatewayMetrics.zeros(GatewayMetrics.refusals)
        /// Connections opened, by protocol, and how many of them are open.
        var opened = GatewayMetrics.zeros(GatewayMetrics.kinds)
        var open = GatewayMetrics.zeros(GatewayMetrics.kinds)
        /// Ends of live connections, by close code; `other` for codes that only a client sent.
        var closed = GatewayMetrics.zeros(WebSocketCloseCode.common.map(\.description) + ["other"])
        /// TLS handshakes, by how they ended.
        var handshakes = GatewayMetrics.zeros(HandshakeOutcome.allCases.map(\.rawValue))
        /// Connections that spoke HTTP/2, and how many of them are open.
        var http2Opened = 0
        var http2Open = 0
        /// Frames that clients sent.
        var clientFrames = 0
        /// When the configuration in force was taken over, in seconds since 1970, and whether a later one was refused.
        var configuredAt = 0.0
        var isReloadFailed = false
    }

    /// The kinds of live connections.
    static let kinds = ["websocket", "event_stream", "ndjson", "tunnel"]

    /// Every code that something may be refused by.
    static let refusals =
        ProblemCode.all.map(\.rawValue)
        + [
            // Of clients' frames on a WebSocket.
            "invalid_json", "missing_action", "unknown_action", "not_subscribed", "client_frames",
            "protocol_error", "unsupported_data", "invalid_payload", "frame_too_large",
            // Of clients that do not take their data.
            "slow_reader", "unread_answers",
            // Of clients that make more of HTTP/2 than any use of it needs.
            "http2_abuse", "http2_streams",
            // Before anything is read; ``TransportLimits/Refusal/overloaded`` is a problem's code as well.
            TransportLimits.Refusal.accepts.rawValue, TransportLimits.Refusal.addressConnections.rawValue,
            GatewayMetrics.proxyProtocol,
        ]

    /// Connections that have to come through a load balancer, and did not, or did not say from whom.
    static let proxyProtocol = "proxy_protocol"

    private let counts: Mutex<Counts>
    private let clientFrames = Atomic<Int>(0)

    /// - Parameter startedAt: When the first configuration was taken over.
    init(startedAt: WallTime) {
        var counts = Counts()
        counts.configuredAt = startedAt.seconds
        self.counts = Mutex(counts)
    }

    /// The counts so far.
    var snapshot: Counts {
        var counts = self.counts.withLock { $0 }
        counts.clientFrames = self.clientFrames.load(ordering: .relaxed)
        return counts
    }

    /// Something was refused, with this code.
    func refused(_ code: String) {
        self.counts.withLock { $0.refused[code, default: 0] += 1 }
    }

    /// A live connection of this protocol began.
    func opened(_ kind: String) {
        self.counts.withLock { counts in
            counts.opened[kind, default: 0] += 1
            counts.open[kind, default: 0] += 1
        }
    }

    /// A live connection of this protocol is gone.
    func ended(_ kind: String) {
        self.counts.withLock { $0.open[kind, default: 0] -= 1 }
    }

    /// A live connection ended with this code.
    ///
    /// A client may close with any of thousands, and each label is kept for good.
    func closed(_ code: WebSocketCloseCode) {
        let label = code.isCommon ? code.description : "other"
        self.counts.withLock { $0.closed[label, default: 0] += 1 }
    }

    /// A connection speaks HTTP/2 from now on.
    func http2Began() {
        self.counts.withLock { counts in
            counts.http2Opened += 1
            counts.http2Open += 1
        }
    }

    /// A connection that spoke HTTP/2 is over.
    func http2Ended() {
        self.counts.withLock { $0.http2Open -= 1 }
    }

    /// A client sent a frame.
    func receivedClientFrame() {
        self.clientFrames.add(1, ordering: .relaxed)
    }

    /// A TLS handshake is over.
    func handshakeEnded(_ outcome: HandshakeOutcome) {
        self.counts.withLock { $0.handshakes[outcome.rawValue, default: 0] += 1 }
        if outcome == .timedOut {
            self.refused(ProblemCode.requestTimeout.rawValue)
        }
    }

    /// A configuration was taken over.
    func reloaded(at time: WallTime) {
        self.counts.withLock { counts in
            counts.configuredAt = time.seconds
            counts.isReloadFailed = false
        }
    }

    /// A configuration was not taken over.
    func reloadFailed() {
        self.counts.withLock { $0.isReloadFailed = true }
    }

    private static func zeros(_ labels: [String]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: labels.map { ($0, 0) })
    }
}
