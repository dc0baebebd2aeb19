import NIOCore

/// Members in a group of their own, until the group of their terms can take them.
///
/// A member that moves to a group that stands already was sent frames of which that group's budget knows nothing: at
/// once in it, the member could get the frames of both within a second. So it goes on in a group of its own, with
/// what it spent, and joins the others once their budget is no younger than its own.
extension ScanHome {
    /// A member moves: it goes apart if the group of its terms would give it too many frames.
    func standApartIfNeeded(_ member: Member, comingFrom old: HomeGroup, now: NIODeadline) {
        guard let main = self.groups[member.groupKey], !main.group.covers(old.group, now: now) else {
            return
        }
        member.isApart = true
        self.apart[member.id] = member
    }

    /// The end of a loop turn: those who stand apart join the group of their terms, where it can take them now.
    func joinFromApart(now: NIODeadline) {
        for member in Array(self.apart.values) {
            guard let own = member.group else {
                continue
            }
            guard let main = self.groups[own.key.shared] else {
                self.share(own, of: member)
                continue
            }
            if main.group.hasJustSentMore(than: own.group, now: now) {
                // What waits for this member alone is a part of what the others were sent a moment ago.
                own.group.flush()
                self.collect(own, now: now)
                self.deliver(own, now: now)
            }
            if own.group.sent == main.group.sent, main.group.covers(own.group, now: now) {
                self.move(member, outOf: own, now: now)
            }
        }
    }

    /// The group that a member was to join is gone: its own takes that one's place.
    private func share(_ own: HomeGroup, of member: Member) {
        self.groups[own.key] = nil
        self.apart[member.id] = nil
        member.isApart = false
        own.key = own.key.shared
        self.groups[own.key] = own
    }
}
