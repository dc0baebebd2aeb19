package import NIOCore

/// Which shards have a leader, by what was asked of them and answered.
///
/// A leader is taken for gone where a question has been open for long, and not where nothing was asked: a process that
/// stood still for a while has heard nobody, and that says nothing of the others.
package struct LeaderWatch: Sendable {
    /// A leader that was not heard for so long is asked for something.
    private static let quietTime = TimeAmount.milliseconds(900)
    /// How long its answer may take.
    private static let answerTime = TimeAmount.seconds(2)

    private struct Shard: Sendable {
        var answeredAt: NIODeadline?
        /// Since when a question has been open; nil while none is.
        var askedAt: NIODeadline?
    }

    private var shards: [Shard]

    package init(shardCount: Int) {
        self.shards = Array(repeating: Shard(), count: shardCount)
    }

    package var shardCount: Int { self.shards.count }

    /// When any leader was heard last; nil before the first time.
    package var lastAnswer: NIODeadline? { self.shards.compactMap(\.answeredAt).max() }

    /// The shards whose leaders are to be asked now, whether or not the question can be sent.
    package mutating func ask(now: NIODeadline) -> [Int] {
        let quiet = self.shards.indices.filter { index in
            self.shards[index].answeredAt.map { now - $0 >= Self.quietTime } ?? true
        }
        for index in quiet {
            self.shards[index].askedAt = self.shards[index].askedAt ?? now
        }
        return quiet
    }

    package mutating func answered(_ shard: Int, now: NIODeadline) {
        self.shards[shard] = Shard(answeredAt: now)
    }

    /// Whether a leader was ever heard, and does not owe an answer for long.
    package func isUp(_ shard: Int, now: NIODeadline) -> Bool {
        self.shards[shard].answeredAt != nil && self.isNotMissed(shard, now: now)
    }

    /// The same, also of one that has not had the time to be heard.
    package func isNotMissed(_ shard: Int, now: NIODeadline) -> Bool {
        self.shards[shard].askedAt.map { now - $0 < Self.answerTime } ?? true
    }
}
