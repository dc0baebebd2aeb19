import NIOCore

/// Groups that stand apart from the one that all subscribers of their terms share, until they can join it.
///
/// There are two reasons. A member that moves to a group that stands already was sent frames of which that group's
/// budget knows nothing: at once in it, the member could get the frames of both within a second. So it goes on in a
/// group of its own, with what it spent. And a newcomer owes nothing for what a group has spent, or not sent yet: where
/// it would wait long, the newcomer's group becomes the shared one, and the old one stands apart until it catches up.
extension ScanHome {
    /// The most groups of equal terms that stand apart because they are far behind; more newcomers than that wait.
    private static let maximumApartCount = 64

    /// Whether a member that comes from another group must not join the shared one yet; what it lacks of that one's
    /// frames would be one more.
    func mustStandApart(_ member: Member, cursor: Seq, comingFrom old: HomeGroup?, now: NIODeadline) -> Bool {
        guard let old, let shared = self.group(member.groupKey) else {
            return false
        }
        return cursor < shared.group.sent || !shared.group.covers(old.group, now: now)
    }

    /// Whether a member at this place would wait for what a group has spent or not sent yet, and owes it nothing.
    func wouldWait(cursor: Seq, isNewcomer: Bool, for group: HomeGroup) -> Bool {
        isNewcomer ? cursor >= group.group.sent : cursor > group.group.sent
    }

    /// Makes room for a group of the same terms that begins further on.
    ///
    /// Returns whether it did: not for a group that will be there soon, nor for too many.
    func putApart(_ group: HomeGroup, now: NIODeadline) -> Bool {
        guard group.group.isFarBehind(now: now),
            self.apart[group.key]?.count ?? 0 < Self.maximumApartCount
        else {
            return false
        }
        self.rekey(group, isApart: true)
        return true
    }

    /// The end of a loop turn in which a group did something: those that stand apart join the shared group of their
    /// terms, where it can take them now.
    func joinFromApart(by group: HomeGroup, now: NIODeadline) {
        guard group.key.apart == nil else {
            self.join(group, now: now)
            return
        }
        for own in Array((self.apart[group.key] ?? [:]).values) {
            self.join(own, now: now)
        }
    }

    private func join(_ own: HomeGroup, now: NIODeadline) {
        guard own.key.apart != nil, self.index.all[own.id] === own else {
            return
        }
        guard let shared = self.group(own.key.shared) else {
            self.rekey(own, isApart: false)
            return
        }
        own.group.passOver(through: self.log.head)
        if shared.group.hasJustSentMore(than: own.group, now: now) {
            // What waits here is a part of what the others were sent at this moment.
            own.group.flush(now: now)
            self.collect(own, now: now)
            self.deliver(own, now: now)
        }
        if own.group.sent == shared.group.sent, shared.group.covers(own.group, now: now) {
            // Those that are ahead may need another shared group; whoever comes after them waits for the next turn.
            for member in own.members.values.sorted(by: { $0.isInStep && !$1.isInStep })
            where member.group === own && self.groups[own.key.shared] === shared {
                self.move(member, outOf: own, now: now)
            }
        }
    }

    private func rekey(_ group: HomeGroup, isApart: Bool) {
        self.noLongerApart(group)
        self.groups[group.key] = nil
        group.key.apart = isApart ? group.id : nil
        self.add(group)
    }
}
