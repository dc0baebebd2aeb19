internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import Synchronization

/// All live connections: WebSockets, event streams, and open uploads.
///
/// Each loop keeps its own.
final class ConnectionRegistry: Sendable {
    /// The live connections of one loop.
    private final class Shelf {
        var connections: [ConnectionLimits.ID: any LiveConnection] = [:]
        /// Knows the loop's plain answers that are not taken.
        var http: HTTPLoopContext?
    }

    /// A connection whose socket is full, and since when.
    private struct SlowReader: Sendable {
        enum Kind: Sendable {
            case live(ConnectionLimits.ID)
            /// On the loop of this number.
            case plain(ObjectIdentifier, loop: Int)
        }

        var kind: Kind
        var since: NIODeadline
    }

    /// How many connections are judged in one turn of their loop.
    private static let judgedPerTurn = 500
    /// A socket that is full for less is nothing unusual.
    private static let leastBlocked = TimeAmount.seconds(2)

    let eventLoops: [any EventLoop]
    private let shelves: [NIOLoopBoundBox<Shelf>]
    /// Far above the numbers that the limits give, and exact as a number of JavaScript.
    private let nextID = Atomic<UInt64>(1 << 52)
    private let counter = Atomic<Int>(0)
    /// The connections that were to be ended last, whether they stood here yet or not.
    private let ended = Mutex(EndedConnections())

    init(eventLoops: [any EventLoop]) {
        self.eventLoops = eventLoops
        self.shelves = eventLoops.map { NIOLoopBoundBox.makeBoxSendingValue(Shelf(), eventLoop: $0) }
    }

    /// How many there are.
    var count: Int { self.counter.load(ordering: .relaxed) }

    /// A number for a connection that no limit counts.
    func makeID() -> ConnectionLimits.ID {
        self.nextID.add(1, ordering: .relaxed).newValue
    }

    /// The plain answers of a loop can be ended, too.
    func attach(_ http: HTTPLoopContext, on eventLoop: any EventLoop) {
        self.shelf(of: eventLoop)?.http = http
    }

    /// A connection lives, on this loop.
    ///
    /// It was let in a moment ago, and may have been told to end since: then it does once it has begun.
    func insert(_ connection: any LiveConnection, id: ConnectionLimits.ID, on eventLoop: any EventLoop) {
        guard let shelf = self.shelf(of: eventLoop) else {
            return
        }
        if shelf.connections.updateValue(connection, forKey: id) == nil {
            self.counter.add(1, ordering: .relaxed)
        }
        if let closing = self.ended.withLock({ $0.closing(of: id) }) {
            eventLoop.assumeIsolated().execute { shelf.connections[id]?.close(closing) }
        }
    }

    /// A connection is gone; whether it was there until now.
    @discardableResult
    func remove(_ id: ConnectionLimits.ID, on eventLoop: any EventLoop) -> Bool {
        guard self.shelf(of: eventLoop)?.connections.removeValue(forKey: id) != nil else {
            return false
        }
        self.counter.subtract(1, ordering: .relaxed)
        return true
    }

    /// Ends one connection, wherever it lives.
    func close(_ id: ConnectionLimits.ID, _ closing: Closing) {
        // Noted first: whoever inserts it finds that, or is found.
        self.ended.withLock { $0.note(id, closing) }
        for (eventLoop, shelf) in zip(self.eventLoops, self.shelves) {
            eventLoop.execute { shelf.value.connections[id]?.close(closing) }
        }
    }

    /// Ends the connections that match and are at least so old; how many they were.
    func closeAll(
        _ closing: Closing,
        on eventLoop: any EventLoop,
        age: TimeAmount = .zero,
        where matches: @escaping @Sendable (Identity) -> Bool
    ) -> EventLoopFuture<Int> {
        let counts = zip(self.eventLoops, self.shelves)
            .map { loop, shelf in
                loop.submit {
                    let hit = shelf.value.connections.values.filter { $0.age >= age && matches($0.identity) }
                    for connection in hit {
                        connection.close(closing)
                    }
                    return hit.count
                }
            }
        return EventLoopFuture.whenAllSucceed(counts, on: eventLoop).map { $0.reduce(0, +) }
    }

    /// Judges all connections again, each on its loop and some at a time; how many ended.
    func judge(by judge: LiveJudge, on eventLoop: any EventLoop) -> EventLoopFuture<Int> {
        let counts = zip(self.eventLoops, self.shelves)
            .map { loop, shelf in
                loop.flatSubmit {
                    Self.judge(Array(shelf.value.connections.keys)[...], of: shelf, by: judge, endedCount: 0, on: loop)
                }
            }
        return EventLoopFuture.whenAllSucceed(counts, on: eventLoop).map { $0.reduce(0, +) }
    }

    private static func judge(
        _ ids: ArraySlice<ConnectionLimits.ID>,
        of shelf: NIOLoopBoundBox<Shelf>,
        by judge: LiveJudge,
        endedCount: Int,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Int> {
        var endedCount = endedCount
        for id in ids.prefix(Self.judgedPerTurn) {
            if let connection = shelf.value.connections[id], !judge.apply(to: connection) {
                endedCount += 1
            }
        }
        let rest = ids.dropFirst(Self.judgedPerTurn)
        guard !rest.isEmpty else {
            return eventLoop.makeSucceededFuture(endedCount)
        }
        let promise = eventLoop.makePromise(of: Int.self)
        eventLoop.nextTurn { [endedCount] in
            promise.completeWith(Self.judge(rest, of: shelf, by: judge, endedCount: endedCount, on: eventLoop))
        }
        return promise.futureResult
    }

    /// Reports on the connections of each loop, up to a limit for each.
    func reports(maximumCount: Int, on eventLoop: any EventLoop) -> EventLoopFuture<[ConnectionReport]> {
        let reports = zip(self.eventLoops, self.shelves)
            .map { loop, shelf in
                loop.flatSubmit {
                    EventLoopFuture.whenAllSucceed(
                        shelf.value.connections.values.prefix(maximumCount).map { $0.report(isDetailed: false) },
                        on: loop
                    )
                }
            }
        return EventLoopFuture.whenAllSucceed(reports, on: eventLoop).map { $0.flatMap { $0 } }
    }

    /// Reports on one connection, if it lives.
    func report(on id: ConnectionLimits.ID, on eventLoop: any EventLoop) -> EventLoopFuture<ConnectionReport?> {
        let reports = zip(self.eventLoops, self.shelves)
            .map { loop, shelf in
                loop.flatSubmit { () -> EventLoopFuture<ConnectionReport?> in
                    guard let connection = shelf.value.connections[id] else {
                        return loop.makeSucceededFuture(nil)
                    }
                    return connection.report(isDetailed: true).map { $0 }
                }
            }
        return EventLoopFuture.whenAllSucceed(reports, on: eventLoop).map { $0.compactMap { $0 }.first }
    }

    /// Ends those whose socket has been full for longest, and for a while at least: live connections, and plain answers.
    ///
    /// - Parameter count: How many, at most.
    func closeSlowest(_ count: Int) {
        guard let eventLoop = self.eventLoops.first else {
            return
        }
        let blocked = zip(self.eventLoops, self.shelves).enumerated()
            .map { index, place in
                let (loop, shelf) = place
                return loop.submit { Self.slowReaders(of: shelf.value, loop: index, now: loop.now) }
            }
        EventLoopFuture.whenAllSucceed(blocked, on: eventLoop)
            .whenSuccess { blocked in
                for reader in blocked.flatMap({ $0 }).sorted(by: { $0.since < $1.since }).prefix(count) {
                    switch reader.kind {
                    case .live(let id):
                        self.close(id, .overloaded)
                    case .plain(let id, let loop):
                        let shelf = self.shelves[loop]
                        self.eventLoops[loop].execute { shelf.value.http?.cutSlowReader(id) }
                    }
                }
            }
    }

    private static func slowReaders(of shelf: Shelf, loop: Int, now: NIODeadline) -> [SlowReader] {
        let live = shelf.connections.compactMap { id, connection in
            connection.blockedSince.map { SlowReader(kind: .live(id), since: $0) }
        }
        let plain = (shelf.http?.blockedSince ?? [])
            .map { SlowReader(kind: .plain($0.id, loop: loop), since: $0.since) }
        return (live + plain).filter { $0.since + Self.leastBlocked <= now }
    }

    /// Ends all connections, spread evenly over a time, each told a time of its own to come back.
    func drain(_ schedule: DrainSchedule) {
        for (eventLoop, shelf) in zip(self.eventLoops, self.shelves) {
            eventLoop.execute {
                let connections = Array(shelf.value.connections.keys)
                for (index, id) in connections.enumerated() {
                    let delay = schedule.delay(of: index, among: connections.count, now: eventLoop.now)
                    eventLoop.assumeIsolated()
                        .scheduleTask(in: delay) {
                            let retryAfter = schedule.retryAfterMilliseconds(now: eventLoop.now)
                            shelf.value.connections[id]?.close(.draining(retryAfterMilliseconds: retryAfter))
                        }
                }
            }
        }
    }

    private func shelf(of eventLoop: any EventLoop) -> Shelf? {
        self.eventLoops.firstIndex { $0 === eventLoop }.map { self.shelves[$0].value }
    }
}

/// A connection that lives long enough for its right to exist to end before it does.
protocol LiveConnection: AnyObject {
    /// The identity that it belongs to.
    var identity: Identity { get }
    /// How it came.
    var arrival: Arrival { get }
    /// How long it has stood.
    var age: TimeAmount { get }
    /// The certificate that its client showed, if any.
    var certificate: ClientCertificate? { get }
    /// A report of its counts and its state.
    ///
    /// - Parameter isDetailed: Whether the scans' homes are asked too.
    /// - Returns: The report, once they have answered.
    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport>

    /// Since when its socket has been full; nil while it takes more, or if nothing is sent to it.
    var blockedSince: NIODeadline? { get }
    /// Continues after it was judged again.
    ///
    /// - Parameters:
    ///   - identity: The identity that its credential gives now.
    ///   - leeway: How far clocks may differ, in seconds.
    /// - Returns: Whether it continues; false if it ended because that identity does not allow its use.
    func goOn(as identity: Identity, leeway: Double) -> Bool
    /// Continues as the application says now, if all that it is used for is still allowed; else ends.
    func reconsider(as identity: Identity)
    /// Ends it.
    func close(_ closing: Closing)
}

extension LiveConnection {
    /// A certificate lets in producers alone.
    var certificate: ClientCertificate? { nil }
}
