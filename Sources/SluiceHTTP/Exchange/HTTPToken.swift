/// What methods and the names of fields are made of (RFC 9110, section 5.6.2).
internal enum HTTPToken {
    /// Whether a token may have this byte: one bit for each character of ASCII.
    static func contains(_ byte: UInt8) -> Bool {
        // Digits and !#$%&'*+-. below 64; letters and ^_`|~ above.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        return byte < 128 && (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }
}
