/// A block of addresses in CIDR notation (RFC 4632 section 3.1), or a single address.
package struct AddressBlock: Sendable, Hashable {
    private let base: IPAddress
    private let highMask: UInt64
    private let lowMask: UInt64

    /// A block from its text: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
    ///
    /// - Parameter text: Bits beyond the prefix do not matter.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = IPAddress(parts[0]) else {
            return nil
        }
        var prefix = base.isIPv4 ? 32 : 128
        if parts.count == 2 {
            guard let number = Int(parts[1]), String(number) == parts[1] else {
                return nil
            }
            // `::ffff:10.0.0.0/104` counts its bits from the start of the IPv6 address.
            let isMapped = base.isIPv4 && parts[0].contains(":")
            guard (isMapped ? 96...128 : 0...prefix).contains(number) else {
                return nil
            }
            prefix = isMapped ? number - 96 : number
        }
        self.base = base
        if base.isIPv4 {
            self.highMask = 0
            self.lowMask = UInt64.max << UInt64(32 - prefix) & 0xFFFF_FFFF
        } else {
            self.highMask = prefix >= 64 ? .max : prefix == 0 ? 0 : .max << UInt64(64 - prefix)
            self.lowMask = prefix <= 64 ? 0 : .max << UInt64(128 - prefix)
        }
    }

    /// Whether an address lies in the block.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == self.base.isIPv4
            && address.high & self.highMask == self.base.high & self.highMask
            && address.low & self.lowMask == self.base.low & self.lowMask
    }
}
