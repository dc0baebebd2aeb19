/// A place in one life of a scan's log.
package struct Position: Hashable, Sendable {
    /// Which life of the log: a new channel of the same name has another.
    package var epoch: String
    /// The last message at or before this place.
    package var seq: Seq

    package init(epoch: String, seq: Seq) {
        self.epoch = epoch
        self.seq = seq
    }

    /// A fresh epoch: 48 random bits in base 36, short enough to stand in every event's id.
    package static func makeEpoch(using generator: inout some RandomNumberGenerator) -> String {
        String(UInt64.random(in: 1..<(1 << 48), using: &generator), radix: 36)
    }
}
