/// Empties the outbox into the gateway until the scan is over.
struct DeliveryLoop: Sendable {
    private let feed: ScanFeed
    private let poster: ProgressPoster
    private let report: @Sendable (String) -> Void

    private var isAway = false
    private var reported: Set<String> = []

    /// How many messages the gateway did not want.
    private var refusedCount = 0

    init(feed: ScanFeed, poster: ProgressPoster, report: @escaping @Sendable (String) -> Void) {
        self.feed = feed
        self.poster = poster
        self.report = report
    }

    /// Delivers until the outbox says that it is done, and says what did not arrive.
    mutating func run() async {
        while true {
            switch self.feed.withOutbox({ $0.nextAction(now: .now) }) {
            case .send(let batch, let timeout):
                await self.send(batch, timeout: timeout)
            case .wait(let deadline):
                await self.feed.wait(until: deadline)
            case .finish(let undeliveredCount):
                self.reportLosses(undeliveredCount: undeliveredCount)
                return
            }
        }
    }

    private mutating func send(_ batch: Outbox.Batch, timeout: Duration) async {
        switch await self.poster.post(batch, timeout: timeout) {
        case .delivered:
            if self.isAway { self.report("the gateway is back") }
            self.isAway = false
            self.feed.withOutbox { $0.delivered(now: .now) }
        case .unreachable(let reason):
            self.stayAway(reason, retryAfter: nil)
        case .refused(let problem) where problem.isTemporary:
            self.stayAway(problem.description, retryAfter: problem.retryAfter)
        case .refused(let problem):
            self.isAway = false
            let lost = self.feed.withOutbox { $0.refused(index: problem.index, isTooLarge: problem.status == 413) }
            self.refusedCount += lost
            // One line for each reason: a token that is not taken would fill the screen.
            if self.reported.insert("\(problem.status) \(problem.code ?? "")").inserted,
                lost > 0 || problem.status != 413
            {
                self.report("the gateway refused \(lost) message(s): \(problem)")
            }
        }
    }

    private mutating func stayAway(_ reason: String, retryAfter: Duration?) {
        if !self.isAway { self.report("the gateway is away, messages are kept for it: \(reason)") }
        self.isAway = true
        let jitter = Double.random(in: 0...1)
        self.feed.withOutbox { $0.failed(now: .now, retryAfter: retryAfter, jitter: jitter) }
    }

    private func reportLosses(undeliveredCount: Int) {
        let droppedCount = self.feed.withOutbox(\.droppedCount)
        if droppedCount > 0 { self.report("\(droppedCount) message(s) had no room to wait for the gateway") }
        if self.refusedCount > 0 { self.report("\(self.refusedCount) message(s) were refused by the gateway") }
        if undeliveredCount > 0 { self.report("\(undeliveredCount) message(s) could not be delivered in time") }
    }
}
