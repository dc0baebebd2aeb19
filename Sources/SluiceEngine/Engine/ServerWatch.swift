import Logging
import NIOCore
import SluiceBase

/// Looks which servers of the cluster are of use: the driver of ``ServerBoard``, with a connection to each of them.
///
/// Loop-confined; one for a gateway. A server that stands still, or was cut off from the others, is known half a second
/// later, whoever is connected to it.
final class ServerWatch {
    /// The time between two rounds is this, and longer where there are many servers: each hears each in every round.
    private static let shortestInterval = TimeAmount.milliseconds(100)
    private static let intervalOfServer = TimeAmount.milliseconds(25)

    private let eventLoop: any EventLoop
    private let subject: String
    private let interval: TimeAmount
    private let connections: [NATSConnection]
    private let changed: (ServerBoard.Verdict) -> Void
    private var board: ServerBoard
    private var isClosed = false

    /// - Parameters:
    ///   - settings: How servers are reached; several of them.
    ///   - subject: What nobody else publishes to.
    ///   - eventLoop: Where it runs.
    ///   - changed: Told which of the servers are of less use, whenever these are others.
    init(
        _ settings: NATSConnection.Settings,
        subject: String,
        eventLoop: any EventLoop,
        changed: @escaping (ServerBoard.Verdict) -> Void
    ) {
        self.eventLoop = eventLoop
        self.subject = subject
        self.changed = changed
        self.interval = max(Self.shortestInterval, Self.intervalOfServer * Int64(settings.servers.count))
        self.board = ServerBoard(count: settings.servers.count)
        // Those that do the work tell the operator of their servers.
        let silent = Logger(label: "watch") { _ in SwiftLogNoOpLogHandler() }
        self.connections = settings.servers.map { server in
            var settings = settings
            settings.servers = [server]
            settings.name += "-watch"
            return NATSConnection(settings, eventLoop: eventLoop, logger: silent)
        }
    }

    func start() {
        for (server, connection) in self.connections.enumerated() {
            connection.changed = { [unowned self] in $0 ? self.board.connected(server) : self.board.lost(server) }
            _ = connection.subscribe(self.subject) { [unowned self] in self.heard($0, by: server) }
            connection.start()
        }
        self.beginLater()
    }

    func close() {
        self.isClosed = true
        for connection in self.connections { connection.close() }
    }

    private func heard(_ message: NATSMessage, by server: Int) {
        var payload = message.payload
        guard let round = payload.readInteger(as: UInt64.self), let sender = payload.readInteger(as: UInt32.self) else {
            return
        }
        self.board.heard(Int(clamping: round), from: Int(sender), by: server)
    }

    private func beginLater() {
        self.eventLoop.assumeIsolated()
            .scheduleTask(in: self.interval) { [weak self] in
                guard let self, !self.isClosed else { return }
                self.begin()
                self.beginLater()
            }
    }

    private func begin() {
        let verdict = self.board.verdict
        let round = self.board.begin()
        for (server, connection) in self.connections.enumerated() {
            var payload = ByteBuffer()
            payload.writeInteger(UInt64(round))
            payload.writeInteger(UInt32(server))
            connection.publish(self.subject, payload)
        }
        if self.board.verdict != verdict { self.changed(self.board.verdict) }
    }
}
