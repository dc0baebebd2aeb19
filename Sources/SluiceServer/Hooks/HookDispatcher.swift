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
/// An event is stored before the messages that caused it, so acknowledged messages always have their event; without a
/// store it is in memory alone. ``HookSchedule`` decides the times of attempts.
final class HookDispatcher: ScanObserver {
    private struct State {
        var schedule: HookSchedule
        var receivers: [HookReceiver]
        /// Deliveries that the store did not take.
        var unkept: Set<HookDelivery> = []
        var timer: Scheduled<Void>?
        var isStopped = false
    }

    /// The longest attempt, from the connection to the end of the answer.
    private static let timeout = TimeAmount.seconds(15)
    private static let connectTimeout = TimeAmount.seconds(5)
    /// The interval of looking for old deliveries, and for those that the store did not take.
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
        let kept = self.store?.keptDeliveries ?? []
        let (now, wall) = (self.eventLoop.now, WallTime.now())
        let (dropped, unknown) = self.state.withLock { state in
            let dropped = kept.flatMap { delivery -> [HookDelivery] in
                // A clock that was set makes no delivery older than it can be, nor younger.
                let age = min(max(0, wall.milliseconds - delivery.at.milliseconds), HookSchedule.lifetime.milliseconds)
                return state.schedule.add(delivery, endsAt: now + HookSchedule.lifetime - .milliseconds(age))
            }
            return (dropped, state.schedule.keep(only: Set(state.receivers.map(\.url))))
        }
        self.forget(dropped + unknown)
        self.eventLoop.execute { self.goOn() }
        self.upkeepLater()
    }

    func happened(_ event: ScanEvent) {
        let (now, wall) = (NIODeadline.now(), WallTime.now())
        let (added, dropped): ([HookDelivery], [HookDelivery]) = self.state.withLock { state in
            let urls = Set(state.receivers.filter { $0.events.contains(event.kind) }.map(\.url))
            guard !urls.isEmpty, !state.isStopped,
                state.schedule.admits(event.scanID, deliveryCount: urls.count, now: now)
            else {
                return ([], [])
            }
            let id = "msg_" + RandomText.make(byteCount: 18)
            let body = event.body(at: wall)
            let added = urls.map { HookDelivery(id: id, url: $0, at: wall, body: body) }
            let dropped = added.flatMap { state.schedule.add($0, endsAt: now + HookSchedule.lifetime) }
            return (added, dropped)
        }
        guard !added.isEmpty else {
            return
        }
        for delivery in added {
            self.keep(delivery)
        }
        self.forget(dropped)
        self.eventLoop.execute { self.goOn() }
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

    private func keep(_ delivery: HookDelivery) {
        self.store?
            .keep(delivery) { error in
                guard error != nil else {
                    return
                }
                self.state.withLock { state in
                    if state.schedule.contains(delivery) {
                        state.unkept.insert(delivery)
                    }
                }
            }
    }

    private func forget(_ deliveries: [HookDelivery]) {
        // A delivery that the store did not take is not in it.
        for delivery in deliveries where self.state.withLock({ $0.unkept.remove(delivery) }) == nil {
            self.store?.forget(delivery)
        }
    }

    private func upkeepLater() {
        self.eventLoop.scheduleTask(in: Self.upkeepInterval) {
            let (old, unkept, isStopped) = self.state.withLock { state in
                // Handed over again from here on, so that they can be forgotten again.
                defer { state.unkept = [] }
                return (state.schedule.expire(now: self.eventLoop.now), state.unkept, state.isStopped)
            }
            guard !isStopped else {
                return
            }
            self.gaveUp(old)
            for delivery in unkept {
                self.keep(delivery)
            }
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
        let answer: EventLoopFuture<HTTPResponseHead>
        do {
            answer =
                self.client
                .execute(
                    request: try receiver.request(delivery, at: .now()),
                    delegate: AnswerHead(),
                    eventLoop: .delegateAndChannel(on: self.eventLoop),
                    deadline: .now() + Self.timeout
                )
                .futureResult
        } catch {
            answer = self.eventLoop.makeFailedFuture(error)
        }
        answer.hop(to: self.eventLoop)
            .whenComplete { result in
                let (outcome, reason): (HookSchedule.Outcome, String) =
                    switch result {
                    case .success(let head): (.init(head), "\(head.status.code)")
                    case .failure(let error): (.failed(retryAfter: nil), "\(error)")
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

/// Keeps the head of an answer, and none of its body.
private final class AnswerHead: HTTPClientResponseDelegate, Sendable {
    private let head = Mutex<HTTPResponseHead?>(nil)

    func didReceiveHead(task: HTTPClient.Task<HTTPResponseHead>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        self.head.withLock { $0 = head }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<HTTPResponseHead>) throws -> HTTPResponseHead {
        guard let head = self.head.withLock({ $0 }) else {
            throw ChannelError.eof
        }
        return head
    }
}

extension TimeAmount {
    fileprivate var milliseconds: Int64 { self.nanoseconds / 1_000_000 }
}
