import NIOCore

/// The members of one group that are in step, on one loop.
final class MemberList {
    let group: GroupID
    private(set) var members: [Subscriber] = []

    init(group: GroupID) {
        self.group = group
    }

    var isEmpty: Bool { self.members.isEmpty }

    /// Adds a member; it takes the uncompressed form until the next entry point.
    func insert(_ member: Subscriber) {
        precondition(member.list == nil, "a member stands in one list at a time")
        member.list = self
        member.slot = self.members.count
        member.isInStream = false
        self.members.append(member)
    }

    /// Takes a member out; the last one moves into its slot.
    func remove(_ member: Subscriber) {
        precondition(member.list === self, "the member stands in this list")
        let last = self.members.count - 1
        if member.slot != last {
            self.members[member.slot] = self.members[last]
            self.members[member.slot].slot = member.slot
        }
        self.members.removeLast()
        member.list = nil
        member.isInStream = false
    }

    /// Writes the same bytes to every member that has room for them; the others fall out of step.
    ///
    /// - Returns: The members that fell out of step, each with the cursor of what it has.
    func write(_ frames: OutgoingFrames) -> [Subscriber] {
        var fallen: [Subscriber] = []
        for member in self.members {
            let isInStream = member.isInStream || frames.admitsNewcomers
            let bytes = isInStream ? (frames.compressed ?? frames.plain) : frames.plain
            guard member.outbox.hasRoom(for: bytes.readableBytes) else {
                fallen.append(member)
                continue
            }
            member.isInStream = isInStream
            member.cursor = frames.through
            member.knowsStall = frames.saysStalled ?? member.knowsStall
            member.outbox.write(
                bytes,
                frameCount: frames.frameCount,
                messageCount: frames.messageCount,
                lagCount: frames.lagCount
            )
        }
        for member in fallen {
            member.cursor = frames.after
            self.remove(member)
        }
        return fallen
    }
}

/// Names one delivery group in the life of the process.
package struct GroupID: Hashable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}
