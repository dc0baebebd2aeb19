/// A block of addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3), or a single address.
package struct AddressBlock: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is not a block.
    package enum Fault: Error, Sendable, Hashable {
        /// The text before the slash is not an address.
        case address
        /// The text after the slash is not a number from 0 to this.
        case prefix(maximum: Int)
        /// The address has bits beyond this prefix: another block may be meant.
        case bits(prefix: Int)
    }

    package let description: String
    private let base: IPAddress
    private let highMask: UInt64
    private let lowMask: UInt64

    /// A block from its text: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
    ///
    /// - Parameter text: An address, without a zone, and perhaps the length of its prefix.
    /// - Throws: ``Fault``.
    package init(_ text: String) throws(Fault) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = IPAddress(parts[0]), !parts[0].contains("%") else {
            throw .address
        }
        // `::ffff:10.0.0.0/104` counts its bits from the start of the IPv6 address.
        let isMapped = base.isIPv4 && parts[0].contains(":")
        let width = base.isIPv4 && !isMapped ? 32 : 128
        var prefix = width
        if parts.count == 2 {
            guard let number = Int(parts[1]), String(number) == parts[1], (isMapped ? 96 : 0)...width ~= number else {
                throw .prefix(maximum: width)
            }
            prefix = number
        }
        self.description = text
        self.base = base
        if base.isIPv4 {
            self.highMask = 0
            self.lowMask = UInt64.max << UInt64(width - prefix) & 0xFFFF_FFFF
        } else {
            self.highMask = prefix >= 64 ? .max : prefix == 0 ? 0 : .max << UInt64(64 - prefix)
            self.lowMask = prefix <= 64 ? 0 : .max << UInt64(128 - prefix)
        }
        guard base.high & ~self.highMask == 0, base.low & ~self.lowMask == 0 else {
            throw .bits(prefix: prefix)
        }
    }

    /// Whether an address lies in the block.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == self.base.isIPv4
            && address.high & self.highMask == self.base.high
            && address.low & self.lowMask == self.base.low
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.base == other.base && one.highMask == other.highMask && one.lowMask == other.lowMask
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.base)
        hasher.combine(self.highMask)
        hasher.combine(self.lowMask)
    }
}
