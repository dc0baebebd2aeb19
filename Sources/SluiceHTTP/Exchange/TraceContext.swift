internal import SluiceBase

/// Which request this is, and which trace it belongs to (W3C Trace Context, section 3.2).
///
/// A request that comes without a trace begins none: nobody would be told of it.
package struct TraceContext: Sendable, Equatable {
    /// The caller's trace, as 32 lower-case hexadecimal digits; nil where it sent none.
    package let traceID: String?
    /// This request in it, as 16 such digits; never the caller's.
    package let requestID: String
    /// The caller's flags, of which only `sampled` has a meaning.
    private let flags: UInt8

    /// What a caller sent as `traceparent`; one that breaks the rules counts as none.
    ///
    /// - Parameters:
    ///   - header: The field's value.
    ///   - generator: Makes ids that cannot be guessed.
    package init(_ header: String?, using generator: inout some RandomNumberGenerator) {
        let parent = header.flatMap { Self.parse($0) }
        self.traceID = parent?.traceID
        // One draw: each may be a call of the system. All zeros mean nothing.
        let number = max(1, generator.next() as UInt64)
        self.requestID = Hexadecimal.text((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
        self.flags = parent?.flags ?? 0
    }

    /// What whoever has sent the trace is told of it; nil where nobody has.
    package var header: String? {
        self.traceID.map { "00-\($0)-\(self.requestID)-0\(self.flags & 1)" }
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
}
