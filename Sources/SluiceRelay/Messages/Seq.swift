/// A message's number in its scan's log; 1 is the first, 0 stands before it.
///
/// Its values end at 2^53 - 1, the greatest whole number that every JSON reader keeps exactly. Whatever number comes
/// from outside, nothing that can be done with a `Seq` traps: neighbours and distances stop at the ends.
package struct Seq: Hashable, Sendable {
    /// The greatest number.
    package static let max = Seq(unchecked: 1 << 53 - 1)

    /// The number as it is encoded.
    package let rawValue: UInt64

    private init(unchecked rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The number nearest to a value: 0 for a negative one, the greatest for one beyond it.
    package init(clamping value: some BinaryInteger) {
        self.rawValue = min(UInt64(clamping: value), Self.max.rawValue)
    }

    /// A number from outside; nil for one beyond the greatest, or below 0.
    package init?(exactly value: some BinaryInteger) {
        guard let number = UInt64(exactly: value), number <= Self.max.rawValue else {
            return nil
        }
        self.rawValue = number
    }

    /// A number that came as a JSON number; nil if it is none of a message.
    package init?(exactly value: Double) {
        guard let number = UInt64(exactly: value) else {
            return nil
        }
        self.init(exactly: number)
    }

    /// A number in decimal digits, and nothing else.
    package init?(_ digits: some StringProtocol) {
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = UInt64(digits)
        else {
            return nil
        }
        self.init(exactly: number)
    }

    /// The number after this one; the greatest has none, and stays.
    package var next: Seq {
        Seq(unchecked: min(self.rawValue + 1, Self.max.rawValue))
    }

    /// The number before this one; 0 has none, and stays.
    package var previous: Seq {
        Seq(unchecked: self.rawValue == 0 ? 0 : self.rawValue - 1)
    }
}

extension Seq: Strideable {
    package static func == (left: Seq, right: Seq) -> Bool {
        left.rawValue == right.rawValue
    }

    package static func < (left: Seq, right: Seq) -> Bool {
        left.rawValue < right.rawValue
    }

    /// How many numbers further on the other one is.
    package func distance(to other: Seq) -> Int {
        Int(other.rawValue) - Int(self.rawValue)
    }

    /// The number that many places further on, or the last number if there are not that many.
    package func advanced(by distance: Int) -> Seq {
        let (sum, overflow) = Int(self.rawValue).addingReportingOverflow(distance)
        return overflow ? .max : Seq(clamping: sum)
    }
}

extension Seq: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: UInt64) {
        self.init(clamping: value)
    }
}

extension Seq: CustomStringConvertible {
    package var description: String {
        String(self.rawValue)
    }
}

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
