/// An IPv4 or IPv6 address.
///
/// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The first 64 bits; those of an IPv4 address are 0.
    let high: UInt64
    /// The last 64 bits, or the 32 bits of an IPv4 address.
    let low: UInt64
    /// Whether this is an IPv4 address.
    package let isIPv4: Bool

    private init(high: UInt64, low: UInt64) {
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        self.high = high
        self.low = isMapped ? low & 0xFFFF_FFFF : low
        self.isIPv4 = isMapped
    }

    private init(v4: UInt64) {
        self.high = 0
        self.low = v4
        self.isIPv4 = true
    }

    /// An address from its usual text: `192.0.2.1`, `2001:db8::1`; the zone of a link-local address (`%eth0`) is cut.
    ///
    /// - Parameter text: No port, no brackets. Octal and shortened IPv4 spellings are refused.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 64 else {
            return nil
        }
        guard text.utf8.contains(UInt8(ascii: ":")) else {
            guard let v4 = Self.v4(text) else {
                return nil
            }
            self.init(v4: v4)
            return
        }
        let address = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard let groups = Self.v6(address) else {
            return nil
        }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    package var description: String {
        if self.isIPv4 {
            return [24, 16, 8, 0].map { String(self.low >> $0 & 0xFF) }.joined(separator: ".")
        }
        let groups = [self.high, self.low]
            .flatMap { half in
                [48, 32, 16, 0].map { String(half >> $0 & 0xFFFF, radix: 16) }
            }
        return groups.joined(separator: ":")
    }

    /// Whether this is the machine itself: 127.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::1.
    package var isLoopback: Bool {
        self.isIPv4 ? self.low >> 24 == 127 : self.high == 0 && self.low == 1
    }

    /// Whether a host, a name or an address without brackets, is the machine itself.
    package static func isLoopback(host: String) -> Bool {
        host == "localhost" || Self(host)?.isLoopback ?? false
    }

    private static func v4(_ text: some StringProtocol) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else {
            return nil
        }
        var address: UInt64 = 0
        for part in parts {
            let isDecimal = part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isDecimal, part.utf8.count <= 3, let byte = UInt8(part), part.utf8.count == 1 || part.first != "0"
            else {
                return nil
            }
            address = address << 8 | UInt64(byte)
        }
        return address
    }

    /// RFC 4291 section 2.2: eight groups, `::` at most once for one group of zeros or more, IPv4 allowed at the end.
    private static func v6(_ text: some StringProtocol) -> [UInt16]? {
        var halves: [[UInt16]] = []
        let parts = Self.splitAtGap(text)
        guard parts.count <= 2 else {
            return nil
        }
        for (index, part) in parts.enumerated() {
            guard let groups = Self.groups(part, isLast: index == parts.count - 1) else {
                return nil
            }
            halves.append(groups)
        }
        if halves.count == 1 {
            return halves[0].count == 8 ? halves[0] : nil
        }
        let missing = 8 - halves[0].count - halves[1].count
        guard missing >= 1 else {
            return nil
        }
        return halves[0] + [UInt16](repeating: 0, count: missing) + halves[1]
    }

    private static func splitAtGap(_ text: some StringProtocol) -> [[UInt8]] {
        let colon = UInt8(ascii: ":")
        var parts: [[UInt8]] = [[]]
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == colon, bytes.first == colon {
                bytes.removeFirst()
                parts.append([])
            } else {
                parts[parts.count - 1].append(byte)
            }
        }
        return parts
    }

    private static func groups(_ bytes: [UInt8], isLast: Bool) -> [UInt16]? {
        guard !bytes.isEmpty else {
            return []
        }
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            let text = String(decoding: part, as: UTF8.self)
            if isLast, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let v4 = Self.v4(text) else {
                    return nil
                }
                groups += [UInt16(v4 >> 16), UInt16(v4 & 0xFFFF)]
            } else {
                guard (1...4).contains(part.count), part.first != UInt8(ascii: "+"),
                    let group = UInt16(text, radix: 16)
                else {
                    return nil
                }
                groups.append(group)
            }
        }
        return groups
    }
}

/// The key under which an address is counted: an IPv4 address itself, the /64 of an IPv6 address, which belongs to one
/// customer.
package struct AddressKey: Sendable, Hashable {
    private let bits: UInt64
    private let isIPv4: Bool

    /// The key of an address.
    package init(_ address: IPAddress) {
        self.isIPv4 = address.isIPv4
        self.bits = address.isIPv4 ? address.low : address.high
    }

    /// The key of an address in its usual text.
    ///
    /// - Parameter text: As ``IPAddress/init(_:)`` reads it.
    package init?(_ text: some StringProtocol) {
        guard let address = IPAddress(text) else {
            return nil
        }
        self.init(address)
    }

    /// The same on every machine: the family, and the bits that it is made of.
    package var text: String { (self.isIPv4 ? "4:" : "6:") + String(self.bits, radix: 16) }

    /// The key that has this ``text``.
    package init?(keyText text: String) {
        guard let bits = UInt64(text.dropFirst(2), radix: 16), text.hasPrefix("4:") || text.hasPrefix("6:"),
            text.hasPrefix("6:") || bits <= UInt64(UInt32.max)
        else {
            return nil
        }
        self.bits = bits
        self.isIPv4 = text.hasPrefix("4:")
    }
}
