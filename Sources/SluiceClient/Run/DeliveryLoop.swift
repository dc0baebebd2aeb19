/// Empties the queue into the gateway until the scan is over.
struct DeliveryLoop: Sendable {
    private let feed: ScanFeed
    private let poster: ProgressPoster
    private let report: @Sendable (String) -> Void

    /// What the gateway is told of the scan before the first batch; nil once it has answered.
    private var introduction: ScanIntroduction?

    private var isAway = false
    private var reported: Set<String> = []

    /// Whether the waiting messages need another token.
    private var lacksToken = false

    /// How many messages the gateway will never take.
    private var refusedCount = 0

    init(
        feed: ScanFeed,
        poster: ProgressPoster,
        introduction: ScanIntroduction,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.feed = feed
        self.poster = poster
        self.introduction = introduction.isEmpty ? nil : introduction
        self.report = report
    }

    /// Delivers until the queue says that it is done, and reports messages that did not arrive.
    ///
    /// - Returns: How many messages the gateway refused for good.
    mutating func run() async -> Int {
        while true {
            switch self.feed.withQueue({ $0.nextAction(now: .now) }) {
            case .send(let batch, let timeout):
                await self.send(batch, timeout: timeout)
            case .wait(let deadline):
                await self.feed.wait(until: deadline)
            case .finish(let undeliveredCount):
                self.reportLosses(undeliveredCount: undeliveredCount)
                return self.refusedCount
            }
        }
    }

    private mutating func send(_ batch: PostQueue.Batch, timeout: Duration) async {
        if let introduction = self.introduction {
            let outcome = await self.poster.introduce(introduction, timeout: timeout)
            guard self.isIntroduced(outcome) else {
                self.take(outcome, of: batch)
                return
            }
        }
        self.take(await self.poster.post(batch, timeout: timeout), of: batch)
    }

    /// Whether the messages may go now: a name or an owner that the gateway does not take holds up no message.
    private mutating func isIntroduced(_ outcome: ProgressPoster.Outcome) -> Bool {
        switch outcome {
        case .delivered:
            break
        case .refused(let problem) where !problem.isTemporary:
            self.report("the gateway does not take the scan's name or owner: \(problem)")
        case .tokenRefused(_, hasNew: false, isRenewable: false):
            // The batch will be refused in the same words.
            break
        case .unreachable, .refused, .tokenRefused:
            return false
        }
        self.introduction = nil
        return true
    }

    private mutating func take(_ outcome: ProgressPoster.Outcome, of batch: PostQueue.Batch) {
        switch outcome {
        case .delivered:
            if self.isAway { self.report("the gateway is back") }
            self.isAway = false
            self.lacksToken = false
            self.feed.withQueue { $0.delivered(now: .now) }
        case .unreachable(let reason):
            self.stayAway(reason, retryAfter: nil, numberedCount: 0)
        case .tokenRefused(_, hasNew: true, _):
            // The same batch goes again at once, with the token that took the other's place.
            break
        case .tokenRefused(let problem, hasNew: false, isRenewable: true):
            self.lacksToken = true
            self.stayAway("\(problem); waiting for another token", retryAfter: nil, numberedCount: 0)
        case .refused(let problem) where problem.isTemporary:
            // The gateway takes an array as a whole or not at all.
            let numberedCount = problem.lastSeq == nil ? 0 : problem.accepted ?? batch.messages.count
            self.stayAway(problem.description, retryAfter: problem.retryAfter, numberedCount: numberedCount)
        case .tokenRefused(let problem, _, _), .refused(let problem):
            self.giveUp(problem)
        }
    }

    private mutating func giveUp(_ problem: GatewayProblem) {
        self.isAway = false
        let lost = self.feed.withQueue { $0.refused(index: problem.index, isTooLarge: problem.status == 413) }
        self.refusedCount += lost
        // One line for each reason: a token that is not taken would fill the screen.
        if self.reported.insert("\(problem.status) \(problem.code ?? "")").inserted, lost > 0 || problem.status != 413 {
            self.report("the gateway refused \(lost) message(s): \(problem)")
        }
    }

    private mutating func stayAway(_ reason: String, retryAfter: Duration?, numberedCount: Int) {
        if !self.isAway { self.report("the gateway is away, messages are kept for it: \(reason)") }
        self.isAway = true
        let jitter = Double.random(in: 0...1)
        self.feed.withQueue { queue in
            queue.failed(now: .now, retryAfter: retryAfter, jitter: jitter, numberedCount: numberedCount)
        }
    }

    private mutating func reportLosses(undeliveredCount: Int) {
        let (droppedCount, numberedCount) = self.feed.withQueue { ($0.droppedCount, $0.numberedCount) }
        if droppedCount > 0 { self.report("\(droppedCount) message(s) had no room to wait for the gateway") }
        if self.lacksToken { self.refusedCount += undeliveredCount }
        if self.refusedCount > 0 { self.report("\(self.refusedCount) message(s) were refused by the gateway") }
        if undeliveredCount > 0, !self.lacksToken {
            self.report("\(undeliveredCount) message(s) could not be delivered in time")
        }
        if numberedCount > 0 {
            self.report("\(numberedCount) message(s) were relayed, and the gateway did not say that it stored them")
        }
    }
}
