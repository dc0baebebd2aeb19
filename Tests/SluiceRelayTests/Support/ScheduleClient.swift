import NIOCore
import NIOEmbedded

@testable import SluiceRelay

/// One connection: an outbox on a channel whose socket the schedule fills and drains.
final class ScheduleClient {
    let loop: ScheduleLoop
    let form: WireForm
    private(set) var session: ScheduleSession?
    private(set) var subscriber: Subscriber?
    private let world: ScheduleWorld
    private let relay: Relay
    private let channel: EmbeddedChannel
    private let outbox: Outbox
    private let socket: ScheduleSocket
    private var reader: FrameReader

    init(world: ScheduleWorld, relay: Relay, loop: ScheduleLoop, form: WireForm) throws {
        self.world = world
        self.relay = relay
        self.loop = loop
        self.form = form
        self.reader = FrameReader(form: form)
        let socket = ScheduleSocket()
        let name = "last"
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(socket)
        try channel.pipeline.syncOperations.addHandler(ScheduleSocket(), name: name)
        let context = try channel.pipeline.syncOperations.context(name: name)
        self.outbox = world.on(loop) { Outbox(context: context, fanOut: relay.fanOut(of: loop)) }
        self.socket = socket
        self.channel = channel
        socket.onFlush = { [unowned self] bytes in self.received(bytes) }
        socket.onFull = { [unowned self] in self.writabilityChanged(false) }
    }

    func subscribe(_ request: SubscriptionRequest, as session: ScheduleSession) {
        self.session = session
        self.world.on(self.loop) {
            self.subscriber = self.relay.subscribe(request, outbox: self.outbox, delegate: self, on: self.loop)
        }
        if session.isEnded {
            self.subscriber = nil
        }
    }

    func leave() {
        guard let subscriber = self.subscriber else {
            return
        }
        self.subscriber = nil
        // What was written up to here is still of this subscription.
        self.socket.flushNow()
        self.session?.ended()
        self.world.on(self.loop) { self.relay.unsubscribe(subscriber, on: self.loop) }
    }

    func change(filter: TypeFilter?, framesPerSecond: Double?) {
        guard let subscriber = self.subscriber, let session = self.session else {
            return
        }
        if let filter {
            session.filterRequested(filter)
        }
        if let framesPerSecond {
            session.rateRequested(framesPerSecond)
        }
        let loop = self.loop
        self.world.on(loop) {
            let answer = self.relay.change(subscriber, filter: filter, framesPerSecond: framesPerSecond, on: loop)
            answer.assumeIsolated().whenSuccess { rate in
                // What was made before the answer was written before it.
                self.socket.flushNow()
                if let filter {
                    session.filterTaken(filter)
                }
                session.rateTaken(rate ?? 0)
            }
        }
    }

    /// The socket takes so many bytes and then is full; nil for no end.
    func setRoom(_ bytes: Int?) {
        self.socket.room = bytes ?? .max
        self.writabilityChanged(self.socket.room > 0)
    }

    /// The connection is gone.
    func close() throws {
        self.leave()
        _ = try self.channel.finish(acceptAlreadyClosed: true)
    }

    private func writabilityChanged(_ isWritable: Bool) {
        self.session?.budgetPauses()
        self.world.on(self.loop) { self.outbox.writabilityChanged(isWritable: isWritable, now: self.world.now) }
    }

    private func received(_ bytes: [UInt8]) {
        do {
            for frame in try self.reader.read(bytes) {
                self.session?.received(frame)
            }
        } catch {
            self.world.fail("\(self.form): \(error)")
        }
    }
}

extension ScheduleClient: SubscriptionDelegate {
    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {
        self.subscriber = nil
        // What was written before leaves with the flush at the end of the loop turn.
        self.socket.flushNow()
        self.session?.ended()
    }
}
