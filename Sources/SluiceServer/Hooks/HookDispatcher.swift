internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SluiceBase
internal import SluiceRelay
internal import Synchronization

/// Sends events of scans to receivers: each at least once, for a day, and without delaying the relay.
///
/// An event is stored together with the messages that caused it and sent after that, so acknowledged messages always
/// have their event, and none tells of what is not stored; without a store it is in memory alone. ``HookSchedule`` decides
/// the times of attempts.
final class HookDispatcher: ScanObserver {
    private struct State {
        var schedule: HookSchedule
        var receivers: [HookReceiver]
        var timer: Scheduled<Void>?
        var isStopped = false
    }

    /// The longest attempt, from the connection to the end of the answer.
    private static let timeout = TimeAmount.seconds(15)
    private static let connectTimeout = TimeAmount.seconds(5)
    /// The interval of looking for old deliveries.
    private static let upkeepInterval = TimeAmount.seconds(30)

    private let eventLoop: any EventLoop
    private let client: HTTPClient
    private let store: (any HookStore)?
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - receivers: The receivers.
    ///   - limits: The limits of deliveries that wait.
    ///   - store: Where deliveries outlive the process; nil for memory only.
    ///   - client: The client, made by ``makeClient(on:)`` and shut down by ``stop(by:)``.
    ///   - eventLoop: The loop of all attempts.
    ///   - logger: The logger for failing receivers and for deliveries given up.
    init(
        _ receivers: [HookReceiver],
        limits: GatewayConfiguration.Limits.Hooks,
        store: (any HookStore)?,
        client: HTTPClient,
        eventLoop: any EventLoop,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.client = client
        self.store = store
        self.logger = logger
        self.state = Mutex(State(schedule: HookSchedule(limits: limits), receivers: receivers))
    }

    /// A client that follows no redirect.
    static func makeClient(on group: MultiThreadedEventLoopGroup) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: Self.connectTimeout)
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroup: group, configuration: configuration)
    }

    /// The deliveries and attempts so far.
    var counts: HookSchedule.Counts { self.state.withLock { $0.schedule.counts } }

    /// Begins, with the deliveries that an earlier process left.
    func start() {
        self.send(self.store?.keptDeliveries ?? [])
        self.upkeepLater()
    }

    func deliveries(of event: ScanEvent) -> [HookDelivery] {
        let (now, wall) = (NIODeadline.now(), WallTime.now())
        let urls = self.state.withLock { state in
            let urls = Set(state.receivers.filter { $0.events.contains(event.kind) }.map(\.url))
            let isAdmitted =
                !urls.isEmpty && state.schedule.admits(event.scanID, deliveryCount: urls.count, now: now)
            return isAdmitted ? urls : []
        }
        guard !urls.isEmpty else {
            return []
        }
        let id = "msg_" + RandomText.make(byteCount: 18)
        let body = event.body(at: wall)
        return urls.map { HookDelivery(id: id, url: $0, at: wall, body: body) }
    }

    func send(_ deliveries: [HookDelivery]) {
        guard !deliveries.isEmpty else {
            return
        }
        let (now, wall) = (NIODeadline.now(), WallTime.now())
        let (dropped, unknown) = self.state.withLock { state in
            let dropped = deliveries.flatMap { delivery -> [HookDelivery] in
                // A clock that was set makes no delivery older than it can be, nor younger.
                let age = min(max(0, wall.milliseconds - delivery.at.milliseconds), HookSchedule.lifetime.milliseconds)
                return state.schedule.add(delivery, endsAt: now + HookSchedule.lifetime - .milliseconds(age))
            }
            // A receiver may have been removed since the event.
            return (dropped, state.schedule.keep(only: Set(state.receivers.map(\.url))))
        }
        self.forget(dropped + unknown)
        self.eventLoop.execute { self.goOn() }
    }

    func drop(_ deliveries: [HookDelivery]) {
        self.state.withLock { $0.schedule.notSent(deliveries.count) }
    }

    /// Takes over a new configuration; deliveries to removed receivers are given up.
    func replace(_ receivers: [HookReceiver], limits: GatewayConfiguration.Limits.Hooks) {
        let removed = self.state.withLock { state in
            state.receivers = receivers
            state.schedule.limits = limits
            return state.schedule.keep(only: Set(receivers.map(\.url)))
        }
        self.forget(removed)
    }

    /// Ends once no attempt is under way or due, at `end` at the latest.
    func stop(by end: NIODeadline) async throws {
        while NIODeadline.now() < end, self.state.withLock({ $0.schedule.isBusy(now: .now()) }) {
            try await Task.sleep(for: .milliseconds(20))
        }
        let waiting = self.state.withLock { state in
            state.isStopped = true
            state.timer?.cancel()
            return state.schedule.counts.waiting
        }
        if waiting > 0 {
            self.logger.log(
                level: self.store == nil ? .warning : .info,
                "receivers of hooks were not told of everything",
                metadata: ["waiting": .stringConvertible(waiting), "is_kept": .stringConvertible(self.store != nil)]
            )
        }
        try await self.client.shutdown()
    }

    private func forget(_ deliveries: [HookDelivery]) {
        for delivery in deliveries {
            self.store?.forget(delivery)
        }
    }

    private func upkeepLater() {
        self.eventLoop.scheduleTask(in: Self.upkeepInterval) {
            let (old, isStopped) = self.state.withLock { state in
                (state.schedule.expire(now: self.eventLoop.now), state.isStopped)
            }
            guard !isStopped else {
                return
            }
            self.gaveUp(old)
            self.upkeepLater()
        }
    }

    /// Begins the attempts that are due, and sets the timer for the next ones.
    private func goOn() {
        let now = self.eventLoop.now
        let (attempts, givenUp, receivers) = self.state.withLock {
            state -> ([HookDelivery], [HookDelivery], [HookReceiver]) in
            guard !state.isStopped else {
                return ([], [], [])
            }
            let begun = state.schedule.begin(now: now)
            return (begun.attempts, begun.givenUp, state.receivers)
        }
        self.gaveUp(givenUp)
        for delivery in attempts {
            guard let receiver = receivers.first(where: { $0.url == delivery.url }) else {
                continue
            }
            self.attempt(delivery, receiver)
        }
        self.state.withLock { state in
            state.timer?.cancel()
            state.timer =
                state.isStopped
                ? nil
                : state.schedule.deadline
                    .map { self.eventLoop.scheduleTask(deadline: max($0, now)) { self.goOn() } }
        }
    }

    private func attempt(_ delivery: HookDelivery, _ receiver: HookReceiver) {
        let answer = HookAnswer()
        let end: EventLoopFuture<Void>
        do {
            end =
                self.client
                .execute(
                    request: try receiver.request(delivery, at: .now()),
                    delegate: answer,
                    eventLoop: .delegateAndChannel(on: self.eventLoop),
                    deadline: .now() + Self.timeout
                )
                .futureResult
        } catch {
            end = self.eventLoop.makeFailedFuture(error)
        }
        end.hop(to: self.eventLoop)
            .whenComplete { result in
                let (outcome, reason): (HookSchedule.Outcome, String) =
                    switch (answer.head, result) {
                    // The status decides, however the body ended.
                    case (let head?, _): (.init(head), "\(head.status.code)")
                    case (nil, .failure(let error)): (.failed(retryAfter: nil), "\(error)")
                    case (nil, .success): (.failed(retryAfter: nil), "no answer")
                    }
                self.ended(delivery, receiver, outcome, reason)
            }
    }

    private func ended(
        _ delivery: HookDelivery,
        _ receiver: HookReceiver,
        _ outcome: HookSchedule.Outcome,
        _ reason: String
    ) {
        let chance = Double.random(in: 0...1)
        let verdict = self.state.withLock {
            $0.schedule.ended(delivery, outcome, now: self.eventLoop.now, chance: chance)
        }
        if verdict.isOver {
            self.forget([delivery])
        }
        if verdict.changesHealth {
            let metadata: Logger.Metadata = ["receiver": "\(receiver.name)", "answer": "\(reason)"]
            if outcome == .delivered {
                self.logger.info("receiver of a hook works again", metadata: metadata)
            } else {
                self.logger.warning("receiver of a hook does not take it; it is tried again", metadata: metadata)
            }
        }
        if outcome == .gone {
            self.logger.warning("receiver of a hook is gone", metadata: ["receiver": "\(receiver.name)"])
        }
        self.goOn()
    }

    private func gaveUp(_ deliveries: [HookDelivery]) {
        guard !deliveries.isEmpty else {
            return
        }
        self.forget(deliveries)
        self.logger.warning("hooks given up after a day", metadata: ["count": .stringConvertible(deliveries.count)])
    }
}

extension TimeAmount {
    fileprivate var milliseconds: Int64 { self.nanoseconds / 1_000_000 }
}
