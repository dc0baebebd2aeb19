import Logging
import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

/// Two relays over one log, moved by hand, for what a test tells step by step.
final class EnginePair {
    let world: ScheduleWorld
    let log: ScheduleLog
    let engines: [ScheduleEngine]
    let relays: [Relay]
    let scanID: ScanID
    private let configuration: RelayConfiguration
    private var ends: [EndRecorder] = []

    init(_ configuration: RelayConfiguration = RelayConfiguration()) throws {
        let world = ScheduleWorld(seed: 1, loopCount: 2)
        let log = ScheduleLog(world: world)
        let start = world.now
        self.world = world
        self.log = log
        self.configuration = configuration
        self.scanID = try #require(ScanID("one"))
        let engines = (0..<2).map { _ in ScheduleEngine(world: world, log: log) }
        self.engines = engines
        self.relays = zip(engines, world.loops)
            .map { engine, loop in
                Relay(
                    eventLoops: [loop],
                    configuration: configuration,
                    memory: CompressionMemory(limit: 0),
                    engine: engine,
                    wallClock: {
                        let elapsed = (loop.now - start).nanoseconds / 1_000_000
                        return WallTime(milliseconds: TestMessage.time.milliseconds + elapsed)
                    },
                    logger: Logger(label: "pair") { _ in SwiftLogNoOpLogHandler() }
                )
            }
        log.engines = engines
        world.run()
    }

    /// Lets time pass.
    func pass(_ amount: TimeAmount) {
        let end = self.world.now + amount
        self.world.advanceThroughTimers(upTo: end)
        self.world.advance(by: end - self.world.now)
    }

    /// What becomes of a post, once it is known.
    func post(_ messages: [Message], on node: Int, key: String? = nil) -> Answer<IngestReceipt> {
        let loop = self.world.loops[node]
        let answer = Answer<IngestReceipt>()
        self.world.on(loop) {
            var request = IngestRequest(scanID: self.scanID, messages: messages, at: TestMessage.time)
            request.at.milliseconds += (self.world.now - .uptimeNanoseconds(1_000_000_000_000)).nanoseconds / 1_000_000
            request.idempotency = key.map { IngestRequest.Idempotency(key: $0, digest: []) }
            self.relays[node].ingest(request, on: loop).assumeIsolated().whenComplete { answer.result = $0 }
        }
        return answer
    }

    /// Whether there was a scan to be deleted, once that is known.
    func delete(on node: Int) -> Answer<Bool> {
        let loop = self.world.loops[node]
        let answer = Answer<Bool>()
        self.world.on(loop) {
            self.relays[node].delete(self.scanID, on: loop).assumeIsolated().whenComplete { answer.result = $0 }
        }
        return answer
    }

    /// How a scan stands on a node; nil where there is none.
    func state(on node: Int) -> ScanState? {
        let loop = self.world.loops[node]
        let answer = Answer<ScanState?>()
        self.world.on(loop) {
            self.relays[node].state(of: self.scanID, on: loop).assumeIsolated().whenComplete { answer.result = $0 }
        }
        self.pass(.seconds(1))
        return (try? answer.result?.get()) ?? nil
    }

    /// A subscription on a node, and how it ends.
    func subscribe(on node: Int, _ change: (inout SubscriptionRequest) -> Void = { _ in }) throws -> EndRecorder {
        let loop = self.world.loops[node]
        var request = SubscriptionRequest(scanID: self.scanID, form: .webSocket(.plain))
        change(&request)
        let recorder = EndRecorder()
        let connection = try ScheduleConnection(
            world: self.world,
            relay: self.relays[node],
            loop: loop,
            form: request.form
        )
        recorder.connection = connection
        self.ends.append(recorder)
        connection.onText = { recorder.texts.append(String(decoding: $0, as: UTF8.self)) }
        self.world.on(loop) {
            recorder.subscriber = self.relays[node]
                .subscribe(request, outbox: connection.outbox, delegate: recorder, on: loop)
        }
        return recorder
    }

    func unsubscribe(_ recorder: EndRecorder, on node: Int) {
        let loop = self.world.loops[node]
        if let subscriber = recorder.subscriber {
            self.world.on(loop) { self.relays[node].unsubscribe(subscriber, on: loop) }
        }
    }

    func end() throws -> [String] {
        for recorder in self.ends {
            try recorder.connection?.close()
        }
        self.world.shutDown()
        return self.world.failures
    }

    /// An answer that comes later.
    final class Answer<Value> {
        var result: Result<Value, any Error>?

        var value: Value? { try? self.result?.get() }
        var refusal: RelayRefusal? {
            if case .failure(let error)? = self.result { error as? RelayRefusal } else { nil }
        }
    }

    /// What a subscriber gets, and how its subscription ends.
    final class EndRecorder: SubscriptionDelegate {
        var subscriber: Subscriber?
        var connection: ScheduleConnection?
        var texts: [String] = []
        private(set) var end: SubscriptionEnd?

        func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {
            self.end = end
        }
    }
}
