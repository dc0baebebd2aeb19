import NIOCore
import NIOEmbedded
import SluiceBase

@testable import SluiceRelay

/// One connection: an outbox on a channel whose socket the schedule fills and drains.
///
/// Its subscriptions share the socket, and the reading of pages by those that are behind.
final class ScheduleConnection {
    let loop: ScheduleLoop
    let form: WireForm
    let outbox: Outbox
    private let world: ScheduleWorld
    private let channel: EmbeddedChannel
    private let socket: ScheduleSocket
    private var reader: FrameReader
    /// Whether the socket takes nothing for now.
    private var isStalled = false
    private let maximumBufferedBytes: Int
    private var clients: [ScheduleClient] = []
    /// Takes the frames in the place of clients.
    var onText: (([UInt8]) -> Void)?

    init(
        world: ScheduleWorld,
        relay: Relay,
        loop: ScheduleLoop,
        form: WireForm,
        maximumBufferedBytes: Int = 1024 * 1024
    ) throws {
        self.world = world
        self.loop = loop
        self.form = form
        self.reader = FrameReader(form: form)
        let socket = ScheduleSocket(maximumBufferedBytes: maximumBufferedBytes)
        let name = "last"
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(socket)
        try channel.pipeline.syncOperations.addHandler(ScheduleSocket(), name: name)
        let context = try channel.pipeline.syncOperations.context(name: name)
        self.outbox = world.on(loop) {
            Outbox(
                context: context,
                fanOut: relay.fanOut(of: loop),
                maximumBufferedBytes: maximumBufferedBytes,
                waitingBytes: { _ in socket.waitingBytes }
            )
        }
        self.socket = socket
        self.maximumBufferedBytes = maximumBufferedBytes
        self.channel = channel
        socket.onFlush = { [unowned self] bytes in self.received(bytes) }
        socket.onFull = { [unowned self] in self.writabilityChanged(false) }
    }

    func add(_ client: ScheduleClient) {
        self.clients.append(client)
    }

    /// The bytes written up to here are on the way.
    func flushNow() {
        self.socket.flushNow()
    }

    /// Whether frames may not fit, so that pages come in their place, outside the budget.
    var isTight: Bool { self.isStalled || self.maximumBufferedBytes < 100_000 }

    /// The most bytes that waited for the socket so far.
    var mostWaitingBytes: Int { self.socket.mostWaitingBytes }

    /// The socket takes nothing, and there is room for this many bytes before it is full; nil: it takes all.
    func setRoom(_ bytes: Int?) {
        self.socket.setRoom(bytes)
        self.isStalled = bytes != nil
        for client in self.clients {
            client.session?.socketIsTight(self.isTight)
        }
        self.writabilityChanged(bytes != 0)
    }

    /// The connection is gone, and all its subscriptions.
    func close() throws {
        for client in self.clients {
            client.leave()
        }
        _ = try self.channel.finish(acceptAlreadyClosed: true)
    }

    private func writabilityChanged(_ isWritable: Bool) {
        for client in self.clients {
            client.session?.budgetPauses()
        }
        self.world.on(self.loop) { self.outbox.writabilityChanged(isWritable: isWritable, now: self.world.now) }
    }

    private func received(_ bytes: [UInt8]) {
        do {
            for text in try self.reader.readTexts(bytes) {
                guard self.onText == nil else {
                    self.onText?(text)
                    continue
                }
                self.client(for: text)?.session?.received(ReceivedFrame(text: text))
            }
        } catch {
            self.world.fail("\(self.form): \(error)")
        }
    }

    /// Whose frame this is: each of several subscriptions has a scan of its own, and each frame names it.
    private func client(for text: [UInt8]) -> ScheduleClient? {
        guard self.clients.count > 1 else {
            return self.clients.first
        }
        let parts = String(decoding: text, as: UTF8.self).split(separator: "\"scanId\":\"", maxSplits: 1)
        let scanID = parts.last?.prefix { $0 != "\"" }
        let client = self.clients.first { $0.onlyScan?.text == scanID.map(String.init) }
        if parts.count < 2 || client == nil {
            self.world.fail("whose is \(String(decoding: text, as: UTF8.self))?")
        }
        return client
    }
}
