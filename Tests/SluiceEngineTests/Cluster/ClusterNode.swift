import Logging
import NIOCore
import NIOPosix
import SluiceBase
import SluiceEngine
import SluiceRelay

/// One gateway's engine with a simple home on it, against real servers.
final class ClusterNode: Sendable {
    let group: MultiThreadedEventLoopGroup
    let engine: NATSEngine
    let eventLoop: any EventLoop
    private let id: ScanID
    private let home: NIOLoopBoundBox<SimulatedHome>
    let prefix: String

    init(
        _ name: String,
        scan: ScanID,
        servers: [ServerAddress],
        prefix: String,
        shards: Int = 3,
        replicas: Int = 3,
        refused: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.eventLoop = self.group.next()
        self.id = scan
        self.prefix = prefix
        var configuration = EngineConfiguration(
            connection: NATSConnection.Settings(servers: servers, name: name),
            subjects: Subjects(name: prefix, shardCount: shards),
            retention: StreamSetup.Retention(
                replicas: replicas,
                maximumAge: .hours(1),
                maximumBytes: 256 * 1024 * 1024
            ),
            nodeName: name,
            version: "test"
        )
        configuration.appendTimeout = .seconds(15)
        let engine = NATSEngine(
            configuration,
            eventLoops: [self.eventLoop],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            refused: refused
        )
        self.engine = engine
        self.home = NIOLoopBoundBox.makeBoxSendingValue(
            SimulatedHome(node: name, eventLoop: self.eventLoop) { engine.append($0, to: scan, promise: $1) },
            eventLoop: self.eventLoop
        )
        engine.start()
    }

    func follow() async throws {
        try await self.eventLoop.submit { self.engine.follow(self.id, self.home.value, on: self.eventLoop) }.get()
    }

    func unfollow() async throws {
        try await self.eventLoop.submit { self.engine.unfollow(self.id, on: self.eventLoop) }.get()
    }

    /// Posts, with a key, until it is acknowledged; its number.
    func post(_ text: String) async throws -> Seq {
        for _ in 0..<20 {
            let promise = self.eventLoop.makePromise(of: Seq.self)
            self.eventLoop.execute {
                self.home.value.post(
                    SimulatedHome.Request(text: text, hasKey: true) { result in
                        promise.completeWith(result.mapError { $0 as any Error })
                    }
                )
            }
            if let seq = try? await promise.futureResult.get() { return seq }
        }
        throw RelayRefusal.storageUnavailable
    }

    /// Ends the scan.
    func end(_ end: ScanEnd) async throws {
        let promise = self.eventLoop.makePromise(of: Seq.self)
        self.eventLoop.execute {
            self.home.value.post(
                SimulatedHome.Request(text: "", hasKey: false, end: end) { result in
                    promise.completeWith(result.mapError { $0 as any Error })
                }
            )
        }
        _ = try await promise.futureResult.get()
    }

    struct View: Sendable, Equatable {
        var texts: [String]
        var seqs: [UInt64]
        var epoch: String
        var place: UInt64
        var isOpen: Bool
        var faults: [String]
    }

    func view() async throws -> View {
        try await self.eventLoop.submit {
            let home = self.home.value
            return View(
                texts: home.entries.map { String(buffer: $0.message.body) },
                seqs: home.entries.map(\.seq.rawValue),
                epoch: home.standing.epoch,
                place: home.standing.place,
                isOpen: home.isOpen,
                faults: home.faults
            )
        }.get()
    }

    /// Looks until something is so; false where it is not within a minute.
    func sees(_ condition: (View) -> Bool) async throws -> Bool {
        for _ in 0..<1200 {
            if condition(try await self.view()) { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    func ask<Value: Sendable>(_ body: @escaping @Sendable (EventLoopPromise<Value>) -> Void) async throws -> Value {
        let promise = self.eventLoop.makePromise(of: Value.self)
        self.eventLoop.execute { body(promise) }
        return try await promise.futureResult.get()
    }

    func close() async throws {
        try await self.engine.shutdown().get()
        try await self.group.shutdownGracefully()
    }
}
