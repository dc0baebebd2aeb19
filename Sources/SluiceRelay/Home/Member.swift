import NIOCore

/// A subscription as its scan's home sees it.
final class Member {
    /// The position of a member relative to its group.
    enum Place: Sendable {
        /// It reads the log on its own from this cursor, one page per request.
        case behind(cursor: Seq, LagNotice.Reason)
        /// It has everything through this cursor, some of which its group has not sent yet.
        case ahead(cursor: Seq)
        /// It gets what its group sends.
        case inStep
    }

    let id: SubscriptionID
    /// The index of its connection's loop.
    let loop: Int
    let form: WireForm
    var filter: TypeFilter
    let isBatched: Bool
    /// The frame rate that its client asked for, in frames a second.
    var askedRate: Double?
    var rate: AdaptiveRate
    var place: Place
    /// Its group; a member that is behind has none.
    var group: HomeGroup?
    /// When it began to read the log on its own; nil while it does not.
    var behindSince: NIODeadline?
    /// How often its loop took it out of step.
    var generation = 0
    /// The messages it lost, by the reason that its lag frames gave.
    var skippedCounts: [LagNotice.Reason: Int] = [:]
    /// What its groups did while it was in step with them, except what the current one did since `countsOnEntry`.
    var pastCounts = DeliveryGroup.Counts()
    /// The current group's counts when the member came into step.
    var countsOnEntry = DeliveryGroup.Counts()
    /// Whether it was told that the scanner is silent.
    var knowsStall = false

    init(
        id: SubscriptionID,
        loop: Int,
        request: SubscriptionRequest,
        isBatched: Bool,
        rate: AdaptiveRate,
        place: Place
    ) {
        self.id = id
        self.loop = loop
        self.form = request.form
        self.filter = request.filter
        self.isBatched = isBatched
        self.askedRate = request.framesPerSecond
        self.rate = rate
        self.place = place
    }

    var isInStep: Bool {
        if case .inStep = self.place { true } else { false }
    }

    var terms: DeliveryTerms {
        DeliveryTerms(filter: self.filter, framesPerSecond: self.rate.framesPerSecond, isBatched: self.isBatched)
    }

    /// The key of the group that all subscribers with the same wishes share.
    var groupKey: HomeGroup.Key {
        HomeGroup.Key(terms: self.terms, form: self.form)
    }
}
