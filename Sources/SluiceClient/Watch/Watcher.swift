import NIOCore
import NIOWebSocket
import SluiceBase

/// Follows a scan, across interruptions, until it is over.
package struct Watcher: Sendable {
    /// The longest wait before another one of several gateways is tried.
    private static let otherDelay = Duration.milliseconds(250)

    private let options: WatchOptions
    private let scanID: ScanID
    private let sink: @Sendable (WatchEvent) -> Void

    /// Prepares a subscription.
    ///
    /// - Parameters:
    ///   - options: The scan to watch, and how.
    ///   - sink: Takes the events, in order. Until it returns nothing more is read.
    /// - Throws: If the scan's id is not valid.
    package init(
        options: WatchOptions,
        sink: @escaping @Sendable (WatchEvent) -> Void
    ) throws(ClientError) {
        self.scanID = try ScanID(checked: options.scanID)
        self.options = options
        self.sink = sink
    }

    /// Watches until the gateway ends it for good, or the task is cancelled.
    package func run() async -> WatchOutcome {
        var machine = WatchMachine(options: self.options, scanID: self.scanID)
        while !Task.isCancelled {
            let token = self.options.connection.credential.current
            let address = self.options.connection.address
            let ending = await self.follow(with: &machine, token: token)
            if Task.isCancelled { break }
            let hasNewToken = ending.isAboutToken && self.options.connection.credential.hasNew(insteadOf: token)
            switch machine.ended(ending, hasNewToken: hasNewToken, jitter: .random(in: 0...1)) {
            case .reconnect(var delay, let reason):
                if !ending.isAboutToken {
                    self.options.connection.goOn(from: address)
                    delay = machine.hasUntried ? min(delay, Self.otherDelay) : delay
                }
                self.sink(.interrupted(reason: reason, retryIn: delay))
                try? await Task.sleep(for: delay)
            case .finish(let outcome):
                return outcome
            }
        }
        return .completed(reason: "stopped")
    }

    private func follow(with machine: inout WatchMachine, token: String?) async -> WatchMachine.Ending {
        let connection = self.options.connection
        do {
            switch try await SocketConnection.open(uri: machine.uri, connection: connection, token: token) {
            case .refused(let problem):
                return .refused(try await problem.get())
            case .open(let frames):
                return try await self.read(frames, with: &machine)
            }
        } catch  where ConnectionFailure.isCertificateFailure(error) {
            return .untrusted(reason: ConnectionFailure.describe(error))
        } catch {
            return .lost(reason: ConnectionFailure.describe(error))
        }
    }

    private func read(
        _ frames: SocketConnection.Frames,
        with machine: inout WatchMachine
    ) async throws -> WatchMachine.Ending {
        var reached = machine
        // Also when the connection breaks: events seen before that stay seen.
        defer { machine = reached }
        return try await frames.executeThenClose { inbound, outbound in
            try await self.read(inbound, replyingTo: outbound, with: &reached)
        }
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        replyingTo outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>,
        with machine: inout WatchMachine
    ) async throws -> WatchMachine.Ending {
        for try await frame in inbound {
            switch frame.opcode {
            case .text:
                for event in machine.received(Array(frame.unmaskedData.readableBytesView)) { self.sink(event) }
            case .ping:
                // RFC 6455 section 5.1: all that a client sends is masked.
                try await outbound.write(
                    WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
                )
            case .connectionClose:
                var data = frame.unmaskedData
                let code = data.readInteger(as: UInt16.self)
                let reason = data.readString(length: data.readableBytes) ?? ""
                try? await self.sendClose(code ?? 1000, to: outbound)
                return .closed(code: code.map(Int.init) ?? 1005, reason: DisplayText.safe(reason))
            default:
                break
            }
        }
        if Task.isCancelled { try? await self.sendClose(1000, to: outbound) }
        return .lost(reason: "the connection was lost")
    }

    private func sendClose(
        _ code: UInt16,
        to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        var data = ByteBuffer()
        data.writeInteger(code)
        try await outbound.write(
            WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        )
    }
}

/// What to watch.
package struct WatchOptions: Sendable {
    /// The scan's id, see ``ScanID``.
    package var scanID: String

    package var connection: GatewayConnection

    /// Begin after this message; 0 for all kept messages, nil for new messages only.
    package var since: Int?

    /// The epoch that `since` counts in, if it is known.
    package var epoch: String?

    /// The types to show; none for all.
    package var filters: [String]

    /// How many seconds to wait for a scan that does not exist yet, at most 300.
    package var wait: Int?

    package init(
        scanID: String,
        connection: GatewayConnection,
        since: Int? = nil,
        epoch: String? = nil,
        filters: [String] = [],
        wait: Int? = nil
    ) {
        self.scanID = scanID
        self.connection = connection
        self.since = since
        self.epoch = epoch
        self.filters = filters
        self.wait = wait
    }
}

/// Something that a watcher tells.
package enum WatchEvent: Sendable {
    /// The subscription is open, at this place.
    case subscribed(seq: Int, recovered: Bool)

    /// A message of the scan, or one of the gateway's own about it (`lag`, `scanStalled`, …).
    case message(WatchedMessage)

    /// The connection is gone, and will be tried again.
    case interrupted(reason: String, retryIn: Duration)

    /// The gateway sent something that cannot be read.
    case unreadable
}

/// How watching ended.
package enum WatchOutcome: Sendable, Equatable {
    /// The gateway closed the subscription in good order: the scan is over or idle, or the caller stopped.
    case completed(reason: String)

    /// There is no point in coming back: one sentence says why.
    case failed(String)
}
