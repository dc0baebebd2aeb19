internal import Synchronization

/// What the server's side counts; the relay counts what it does itself.
final class GatewayMetrics: Sendable {
    struct Counts: Sendable {
        /// Refusals by code: problems over HTTP, error frames and close codes over WebSocket.
        var refused: [String: Int] = [:]
        /// Connections opened, by protocol.
        var opened: [String: Int] = [:]
        /// WebSocket closes by code.
        var closed: [UInt16: Int] = [:]
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

    /// A WebSocket was closed with this code.
    func closed(_ code: UInt16) {
        self.counts.withLock { $0.closed[code, default: 0] += 1 }
    }

    /// A client sent a frame.
    func receivedClientFrame() {
        self.counts.withLock { $0.clientFrames += 1 }
    }
}
