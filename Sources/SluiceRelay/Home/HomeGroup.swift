import NIOCore

/// A delivery group at its scan's home: the pure group, its encoder and its members.
final class HomeGroup {
    struct Key: Hashable {
        var terms: DeliveryTerms
        var form: WireForm
        /// The group's own id, if it stands apart from the one that all subscribers of these terms share.
        var apart: GroupID?

        var shared: Key {
            Key(terms: self.terms, form: self.form)
        }
    }

    let id: GroupID
    var key: Key
    var group: DeliveryGroup
    let encoder: GroupEncoder
    /// Whether frames may have been made for it in this turn of the loop.
    var isDirty = false
    /// When a loss of the group was last logged.
    var lastLagLoggedAt: NIODeadline?
    /// The number of messages announced as lost by the lag notices that are about to be sent.
    var skippedCount = 0
    /// All members, in step or ahead.
    private(set) var members: [SubscriptionID: Member] = [:]
    /// The members that are ahead of what the group has sent.
    private(set) var ahead: [SubscriptionID: Member] = [:]
    /// The number of members in step on each loop, by the loop's index.
    private(set) var inStepCounts: [Int]

    init(id: GroupID, key: Key, group: DeliveryGroup, encoder: GroupEncoder, loopCount: Int) {
        self.id = id
        self.key = key
        self.group = group
        self.encoder = encoder
        self.inStepCounts = Array(repeating: 0, count: loopCount)
    }

    var isEmpty: Bool { self.members.isEmpty }

    /// Adds a member that has everything the group has sent, and from now on gets what the group sends.
    func insertInStep(_ member: Member) {
        self.remove(member)
        member.group = self
        member.place = .inStep
        member.countsOnEntry = self.group.counts
        self.members[member.id] = member
        self.inStepCounts[member.loop] += 1
        self.encoder.memberJoined()
    }

    /// Adds a member that has more than the group has sent, and waits for it.
    func insertAhead(_ member: Member, cursor: Seq) {
        self.remove(member)
        member.group = self
        member.place = .ahead(cursor: cursor)
        self.members[member.id] = member
        self.ahead[member.id] = member
    }

    func remove(_ member: Member) {
        guard self.members.removeValue(forKey: member.id) != nil else {
            return
        }
        if case .inStep = member.place {
            self.inStepCounts[member.loop] -= 1
            member.pastCounts = self.counts(of: member)
        }
        self.ahead[member.id] = nil
        member.group = nil
    }

    /// What this group and earlier ones did while the member was in step.
    func counts(of member: Member) -> DeliveryGroup.Counts {
        var counts = member.pastCounts
        if case .inStep = member.place {
            counts.conflated += self.group.counts.conflated - member.countsOnEntry.conflated
            counts.filtered += self.group.counts.filtered - member.countsOnEntry.filtered
        }
        return counts
    }
}
