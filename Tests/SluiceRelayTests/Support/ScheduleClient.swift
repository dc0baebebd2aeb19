import NIOCore
import SluiceBase

@testable import SluiceRelay

/// A client that follows a scan over a connection, alone or beside clients of other scans.
final class ScheduleClient {
    let connection: ScheduleConnection
    /// The scan that it follows whenever it follows one; nil where it has the connection for itself.
    let onlyScan: ScanID?
    private(set) var session: ScheduleSession?
    private(set) var subscriber: Subscriber?
    private let world: ScheduleWorld
    private let relay: Relay
    private let loop: ScheduleLoop

    init(world: ScheduleWorld, relay: Relay, connection: ScheduleConnection, onlyScan: ScanID? = nil) {
        self.world = world
        self.relay = relay
        self.connection = connection
        self.loop = connection.loop
        self.onlyScan = onlyScan
        connection.add(self)
    }

    func subscribe(_ request: SubscriptionRequest, as session: ScheduleSession) {
        self.session = session
        session.socketIsTight(self.connection.isTight)
        self.world.on(self.loop) {
            let outbox = self.connection.outbox
            self.subscriber = self.relay.subscribe(request, outbox: outbox, delegate: self, on: self.loop)
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
        // The bytes written up to here still belong to this subscription.
        self.connection.flushNow()
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
                // Frames made before the answer were written before it.
                self.connection.flushNow()
                if let filter {
                    session.filterTaken(filter)
                }
                session.rateTaken(rate ?? 0)
            }
        }
    }
}

extension ScheduleClient: SubscriptionDelegate {
    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {
        self.subscriber = nil
        // Earlier writes leave with the flush at the end of the loop turn.
        self.connection.flushNow()
        self.session?.ended()
    }
}
