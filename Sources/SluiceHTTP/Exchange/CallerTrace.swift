/// The trace that a caller says it belongs to (W3C Trace Context, sections 3.2 and 3.3).
package struct CallerTrace: Sendable, Equatable {
    /// The longest state of other tracing systems that is carried on, in bytes; a longer one is dropped (section 3.3.1.5).
    package static let maximumStateBytes = 512

    /// What it is called, as 32 lower-case hexadecimal digits.
    package let id: String
    /// Of its flags only `sampled` has a meaning.
    package let flags: UInt8
    /// The `traceparent`, as it came.
    package let parent: String
    /// The `tracestate` that came with it, as it came.
    package let state: String?

    /// What a caller sent; nil if the `traceparent` breaks the rules, which then counts as none.
    package init?(parent: String, state: String? = nil) {
        let bytes = Array(parent.utf8)
        // Version, trace, parent, flags: of a later version the parts that this one knows are read.
        guard bytes.count >= 55, bytes.count == 55 || bytes[55] == UInt8(ascii: "-"),
            [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
            let version = Self.number(bytes[0..<2]), version != 0xFF, version != 0 || bytes.count == 55,
            Self.isIdentifier(bytes[3..<35]), Self.isIdentifier(bytes[36..<52]),
            let flags = Self.number(bytes[53..<55])
        else {
            return nil
        }
        self.id = String(decoding: bytes[3..<35], as: UTF8.self)
        self.flags = flags
        self.parent = parent
        self.state = state.flatMap { 1...Self.maximumStateBytes ~= $0.utf8.count ? $0 : nil }
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
