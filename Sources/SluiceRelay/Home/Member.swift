import NIOCore

/// A subscription as its scan's home sees it.
final class Member {
    /// Where it stands against its group.
    enum Place: Sendable {
        /// It reads the log on its own, from this cursor, one page at each request.
        case behind(cursor: Seq, LagNotice.Reason)
        /// It has everything through this cursor, which its group has not sent yet.
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
    /// The frame rate that its client asked for.
    var askedRate: Double?
    var rate: AdaptiveRate
    var place: Place
    /// The group that it belongs to; a reader has one only once it has caught up.
    var group: HomeGroup?
    /// Since when it has been reading the log on its own; nil while it does not.
    var behindSince: NIODeadline?
    /// How often its loop took it out of step.
    var generation = 0
    /// What it lost, by reason, as its lag frames said.
    var skippedCounts: [LagNotice.Reason: Int] = [:]
    /// What its groups did while it was in step with them; the current one's since `countsOnEntry` is not in it.
    var pastCounts = DeliveryGroup.Counts()
    /// What its group had done when it came into step.
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

    /// The group that all subscribers share who want what this one wants.
    var groupKey: HomeGroup.Key {
        HomeGroup.Key(terms: self.terms, form: self.form)
    }
}
