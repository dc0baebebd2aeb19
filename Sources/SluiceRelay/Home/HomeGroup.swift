import NIOCore

/// A delivery group at its scan's home: the pure group, its encoder, and who belongs to it.
final class HomeGroup {
    struct Key: Hashable {
        var terms: DeliveryTerms
        var form: WireForm
        /// The group's own number, if it stands apart from the one that all subscribers of these terms share.
        var apart: GroupID?

        /// The key of the shared group of these terms.
        var shared: Key {
            Key(terms: self.terms, form: self.form)
        }
    }

    let id: GroupID
    var key: Key
    var group: DeliveryGroup
    let encoder: GroupEncoder
    /// Whether something may have been made for it in this loop turn.
    var isDirty = false
    /// When its loss was logged last, for the operator.
    var lastLagLoggedAt: NIODeadline?
    /// How many messages the lag notices in what it is about to send announce.
    var skippedCount = 0
    /// All that belong to it, in step or ahead.
    private(set) var members: [SubscriptionID: Member] = [:]
    /// Those of them that are ahead of what it has sent.
    private(set) var ahead: [SubscriptionID: Member] = [:]
    /// How many members in step each loop has, by the loop's index.
    private(set) var inStepCounts: [Int]

    init(id: GroupID, key: Key, group: DeliveryGroup, encoder: GroupEncoder, loopCount: Int) {
        self.id = id
        self.key = key
        self.group = group
        self.encoder = encoder
        self.inStepCounts = Array(repeating: 0, count: loopCount)
    }

    var isEmpty: Bool { self.members.isEmpty }

    /// The member has what the group has sent, and gets what it sends.
    func insertInStep(_ member: Member) {
        self.remove(member)
        member.group = self
        member.place = .inStep
        member.countsOnEntry = self.group.counts
        self.members[member.id] = member
        self.inStepCounts[member.loop] += 1
        self.encoder.memberJoined()
    }

    /// The member has more than the group has sent, and waits.
    func insertAhead(_ member: Member, cursor: Seq) {
        self.remove(member)
        member.group = self
        member.place = .ahead(cursor: cursor)
        self.members[member.id] = member
        self.ahead[member.id] = member
    }

    /// The member belongs to the group no longer.
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

    /// What this group and those before it did while the member was in step.
    func counts(of member: Member) -> DeliveryGroup.Counts {
        var counts = member.pastCounts
        if case .inStep = member.place {
            counts.conflated += self.group.counts.conflated - member.countsOnEntry.conflated
            counts.filtered += self.group.counts.filtered - member.countsOnEntry.filtered
        }
        return counts
    }
}
