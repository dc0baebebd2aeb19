/// Which request this is, and which trace it belongs to (W3C Trace Context, section 3.2).
package struct TraceContext: Sendable, Equatable {
    /// The trace, as 32 lower-case hexadecimal digits: the caller's, or one that begins here.
    package let traceID: String
    /// This request in it, as 16 such digits; never the caller's.
    package let requestID: String
    /// The caller's flags, of which only `sampled` has a meaning; nil where the trace begins here.
    private let flags: UInt8?

    /// What a caller sent as `traceparent`; one that breaks the rules counts as none.
    ///
    /// - Parameters:
    ///   - header: The field's value.
    ///   - generator: Makes ids that cannot be guessed.
    package init(_ header: String?, using generator: inout some RandomNumberGenerator) {
        let parent = header.flatMap { Self.parse($0) }
        self.traceID = parent?.traceID ?? Self.identifier(byteCount: 16, using: &generator)
        self.requestID = Self.identifier(byteCount: 8, using: &generator)
        self.flags = parent?.flags
    }

    /// Whether a caller's trace goes on here.
    package var isContinued: Bool { self.flags != nil }

    /// What whoever is asked in turn, or has asked, is told of it.
    package var header: String {
        "00-\(self.traceID)-\(self.requestID)-0\((self.flags ?? 0) & 1)"
    }

    /// Version, trace, parent, flags.
    ///
    /// Of a later version the parts that this one knows are read.
    private static func parse(_ header: String) -> (traceID: String, flags: UInt8)? {
        let bytes = Array(header.utf8)
        guard bytes.count >= 55, bytes.count == 55 || bytes[55] == UInt8(ascii: "-"),
            [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
            let version = Self.number(bytes[0..<2]), version != 0xFF, version != 0 || bytes.count == 55,
            Self.isIdentifier(bytes[3..<35]), Self.isIdentifier(bytes[36..<52]),
            let flags = Self.number(bytes[53..<55])
        else {
            return nil
        }
        return (String(decoding: bytes[3..<35], as: UTF8.self), flags)
    }

    /// Lower-case hexadecimal digits that are not all 0.
    private static func isIdentifier(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { Self.digit($0) != nil } && bytes.contains { $0 != UInt8(ascii: "0") }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt8? {
        bytes.reduce(UInt8(0)) { number, byte in
            number.flatMap { number in Self.digit(byte).map { number << 4 | $0 } }
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static func identifier(byteCount: Int, using generator: inout some RandomNumberGenerator) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        // All zeros mean nothing.
        bytes[0] |= bytes.allSatisfy { $0 == 0 } ? 1 : 0
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
