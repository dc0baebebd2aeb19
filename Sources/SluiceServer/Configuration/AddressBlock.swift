#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): `10.0.0.0/8`, `fd00::/8`.
package struct AddressBlock: Sendable, Equatable {
    /// The first address, in network order: 4 bytes for IPv4, 16 for IPv6.
    ///
    /// Bits beyond the prefix are 0.
    package let network: [UInt8]
    /// How many leading bits an address shares with `network`.
    package let prefixLength: Int
    /// The block as it was written.
    private let text: String

    /// Reads a block; an address alone is a block of one.
    init(_ text: String) throws(ConfigurationProblem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let network = Self.address(String(parts[0])) else {
            throw ConfigurationProblem("expected addresses such as 10.0.0.0/8 or fd00::/8")
        }
        let bits = network.count * 8
        let digits = parts.count == 2 ? String(parts[1]) : "\(bits)"
        guard digits.utf8.allSatisfy({ ("0"..."9").contains(UnicodeScalar($0)) }),
            let prefixLength = Int(digits),
            prefixLength <= bits
        else {
            throw ConfigurationProblem("expected a prefix length from 0 to \(bits)")
        }
        for (index, byte) in network.enumerated() {
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> min(8, max(0, prefixLength - index * 8)))
            guard byte & ~mask == 0 else {
                throw ConfigurationProblem("expected no bits beyond the prefix of \(prefixLength)")
            }
        }
        self.network = network
        self.prefixLength = prefixLength
        self.text = text
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.network == other.network && one.prefixLength == other.prefixLength
    }

    private static func address(_ text: String) -> [UInt8]? {
        for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: length)
            // inet_pton writes 4 bytes for IPv4 and 16 for IPv6, which is what the array holds.
            if unsafe inet_pton(family, text, &bytes) == 1 {
                return bytes
            }
        }
        return nil
    }
}

extension AddressBlock: CustomStringConvertible {
    /// The block as it was written.
    package var description: String { self.text }
}

extension ConfigurationKind where Value == AddressBlock {
    /// Addresses in CIDR notation.
    static var addressBlock: Self {
        .scalar(
            "addresses such as 10.0.0.0/8",
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                try AddressBlock(scalar.text)
            }
        )
    }
}
