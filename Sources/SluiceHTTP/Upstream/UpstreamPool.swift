package import NIOCore
internal import NIOPosix
package import NIOSSL
internal import SluiceSystem

/// Where an upstream is reached.
package final class UpstreamAddress: Sendable {
    package let host: String
    package let port: Int
    /// Who is believed to be it; nil for plaintext.
    package let tls: NIOSSLContext?

    /// - Parameters:
    ///   - host: A name, or an address without brackets.
    ///   - port: Its port.
    ///   - tls: Whose certificates are believed; nil for plaintext.
    package init(host: String, port: Int, tls: NIOSSLContext?) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// Why there is no connection to an upstream.
package struct UpstreamFailure: Error, Sendable {
    /// What happened, for the log.
    package let detail: String
    /// Whether this process has no room for another connection; it says nothing of the upstream.
    package let isOwn: Bool
}

/// The connections of one event loop to upstreams: made when they are needed, and used again while they are good.
///
/// Loop-confined.
package final class UpstreamPool {
    /// The most idle connections to one upstream; beyond it the one used last is closed.
    private static let maximumIdleCount = 64
    /// How long a connection stays without a request.
    private static let idleTimeout = TimeAmount.seconds(30)
    /// A request that must not be sent twice takes no connection that has been idle for longer: the upstream may be
    /// about to close it.
    private static let freshIdle = TimeAmount.seconds(1)
    /// The longest that a connection may take to come up, TLS included.
    private static let connectTimeout = TimeAmount.seconds(5)
    /// The most bytes that the kernel holds of answers that nobody takes.
    private static let receiveBufferBytes: SocketOptionValue = 64 * 1024

    /// The most bytes of an answer's head: what a frame of HTTP/2 has room for, with what is added.
    private static let maximumHeadBytes = 15 * 1024
    /// The most fields of it.
    private static let maximumHeaderCount = 400

    private let eventLoop: any EventLoop
    private let limits: HTTPLimits
    private let memory: RequestMemory
    private var idle: [ObjectIdentifier: [UpstreamConnection]] = [:]

    /// - Parameters:
    ///   - eventLoop: The loop that it and its connections belong to.
    ///   - memory: The memory for what is held of answers.
    package init(eventLoop: any EventLoop, memory: RequestMemory) {
        self.eventLoop = eventLoop
        self.memory = memory
        var limits = HTTPLimits()
        limits.maximumHeadBytes = Self.maximumHeadBytes
        limits.maximumHeaderCount = Self.maximumHeaderCount
        self.limits = limits
    }

    /// Gives a connection for one request.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - isRepeatable: Whether the request may be sent again if the connection turns out to be closed.
    ///   - isNew: Whether it must be a new connection.
    ///   - timeout: The longest that a new one may take.
    ///   - then: Gets the connection, and whether it was used before; at once, or later on this loop.
    package func lease(
        _ address: UpstreamAddress,
        isRepeatable: Bool,
        isNew: Bool = false,
        timeout: TimeAmount,
        then: @escaping (Result<(connection: UpstreamConnection, isReused: Bool), UpstreamFailure>) -> Void
    ) {
        if !isNew, let connection = self.takeIdle(address, isRepeatable: isRepeatable) {
            then(.success((connection, true)))
            return
        }
        self.connect(address, timeout: min(timeout, Self.connectTimeout)) { result in
            then(result.map { (connection: $0, isReused: false) })
        }
    }

    private func takeIdle(_ address: UpstreamAddress, isRepeatable: Bool) -> UpstreamConnection? {
        let id = ObjectIdentifier(address)
        while let connection = self.idle[id]?.popLast() {
            connection.idleTimer?.cancel()
            guard connection.isUsable, isRepeatable || connection.idleSince + Self.freshIdle > self.eventLoop.now else {
                connection.close()
                continue
            }
            return connection
        }
        self.idle[id] = nil
        return nil
    }

    private func giveBack(_ connection: UpstreamConnection, _ address: UpstreamAddress) {
        let id = ObjectIdentifier(address)
        guard self.idle[id, default: []].count < Self.maximumIdleCount else {
            connection.close()
            return
        }
        self.idle[id, default: []].append(connection)
        connection.idleTimer = self.eventLoop.assumeIsolated()
            .scheduleTask(in: Self.idleTimeout) { connection.close() }
    }

    private func forget(_ connection: UpstreamConnection, _ address: UpstreamAddress) {
        connection.idleTimer?.cancel()
        connection.idleTimer = nil
        let id = ObjectIdentifier(address)
        self.idle[id]?.removeAll { $0 === connection }
        if self.idle[id]?.isEmpty ?? false {
            self.idle[id] = nil
        }
    }

    private func connect(
        _ address: UpstreamAddress,
        timeout: TimeAmount,
        then: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
    ) {
        let attempt = Attempt(then)
        attempt.timer = self.eventLoop.assumeIsolated()
            .scheduleTask(in: timeout) {
                attempt.fail("no connection in \(timeout.nanoseconds / 1_000_000) ms")
            }
        self.bootstrap(address, timeout: timeout).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.connected(channel, address, attempt)
                case .failure(let error): attempt.end(.failure(Self.failure(error)))
                }
            }
    }

    private func connected(_ channel: any Channel, _ address: UpstreamAddress, _ attempt: Attempt) {
        guard attempt.isAwaited,
            let connection = try? channel.pipeline.syncOperations.handler(type: UpstreamConnection.self)
        else {
            channel.close(promise: nil)
            attempt.fail("the connection was closed")
            return
        }
        attempt.connection = connection
        connection.whenIdle = { [weak self] in self?.giveBack($0, address) ?? $0.close() }
        connection.whenGone = { [weak self] in self?.forget($0, address) }
        connection.whenOpen { opening in
            switch opening {
            case .open: attempt.end(.success(connection))
            case .failed(let detail): attempt.fail(detail)
            }
        }
    }

    private func bootstrap(_ address: UpstreamAddress, timeout: TimeAmount) -> EventLoopFuture<any Channel> {
        let limits = self.limits
        let memory = self.memory
        let bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.socketOption(.so_rcvbuf), value: Self.receiveBufferBytes)
            .channelOption(.writeBufferWaterMark, value: .init(low: 16 * 1024, high: 32 * 1024))
            // A name may have several addresses, each of which is tried by a channel of its own.
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = address.tls {
                        let isNumber = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isNumber ? nil : address.host)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        UpstreamConnection(limits: limits, memory: memory, isTLS: address.tls != nil)
                    )
                }
            }
        // An address needs no thread that asks for one.
        if let number = try? SocketAddress(ipAddress: address.host, port: address.port) {
            return bootstrap.connect(to: number)
        }
        return bootstrap.connect(host: address.host, port: address.port)
    }

    private static func failure(_ error: any Error) -> UpstreamFailure {
        // A name with several addresses says of each what is wrong.
        let errors = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
        let isOwn = errors.allSatisfy { error in
            [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains((error as? IOError)?.errnoCode ?? 0)
        }
        return UpstreamFailure(detail: "\(error)", isOwn: isOwn && !errors.isEmpty)
    }
}

@available(*, unavailable)
extension UpstreamPool: Sendable {}

/// One attempt at a connection, which ends once: with the connection, with a failure, or with its time.
private final class Attempt {
    private var then: ((Result<UpstreamConnection, UpstreamFailure>) -> Void)?
    var timer: Scheduled<Void>?
    /// The connection, while its TLS is not ready yet.
    var connection: UpstreamConnection?

    init(_ then: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void) {
        self.then = then
    }

    var isAwaited: Bool { self.then != nil }

    func fail(_ detail: String) {
        let connection = self.connection
        self.end(.failure(UpstreamFailure(detail: detail, isOwn: false)))
        connection?.close()
    }

    func end(_ result: Result<UpstreamConnection, UpstreamFailure>) {
        guard let then = self.then.take() else { return }
        self.timer?.cancel()
        self.timer = nil
        self.connection = nil
        then(result)
    }
}
