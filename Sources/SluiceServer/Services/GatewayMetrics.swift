internal import Synchronization

/// What the server's side counts; the relay counts what it does itself.
final class GatewayMetrics: Sendable {
    struct Counts: Sendable {
        /// Refusals by code: problems over HTTP, error frames and close codes over WebSocket.
        var refused: [String: Int] = [:]
        /// Connections opened, by protocol.
        var opened: [String: Int] = [:]
        /// Ends of live connections, by close code; `other` for those that are nobody's but a client's.
        var closed: [String: Int] = [:]
        /// Frames that clients sent.
        var clientFrames = 0
    }

    private let counts = Mutex(Counts())

    /// What was counted so far.
    var snapshot: Counts { self.counts.withLock { $0 } }

    /// Something was refused, with this code.
    func refused(_ code: String) {
        self.counts.withLock { $0.refused[code, default: 0] += 1 }
    }

    /// A live connection of this protocol began.
    func opened(_ kind: String) {
        self.counts.withLock { $0.opened[kind, default: 0] += 1 }
    }

    /// A live connection ended with this code.
    ///
    /// A client may close with any of thousands, and each label is kept for good.
    func closed(_ code: WebSocketCloseCode) {
        let label = code.isCommon ? code.description : "other"
        self.counts.withLock { $0.closed[label, default: 0] += 1 }
    }

    /// A client sent a frame.
    func receivedClientFrame() {
        self.counts.withLock { $0.clientFrames += 1 }
    }
}
