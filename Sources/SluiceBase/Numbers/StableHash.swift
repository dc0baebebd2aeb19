/// 64-bit FNV-1a: the same in every process and version, unlike the standard library's hash.
///
/// It decides where things are kept, so its values never change. It is no defence against who chooses the bytes.
package enum StableHash {
    /// What the hash of nothing is.
    package static let basis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let prime: UInt64 = 0x100_0000_01b3

    /// The hash of a text's UTF-8.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - basis: Another beginning, for what was hashed so from the first.
    /// - Returns: The hash.
    package static func of(_ text: String, from basis: UInt64 = Self.basis) -> UInt64 {
        text.utf8.reduce(basis) { ($0 ^ UInt64($1)) &* Self.prime }
    }

    package static func of(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(Self.basis) { ($0 ^ UInt64($1)) &* Self.prime }
    }

    /// Each bit of the result depends on each of the value (the end of SplitMix64): the upper bits of FNV change little
    /// with the last bytes.
    package static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
