/// The name of a scan, checked once and trusted from then on.
///
/// 1 to 128 of the characters that RFC 3986 section 2.3 calls unreserved, so a name needs no escaping in a path, in
/// JSON or in a log. `.` and `..` are path segments of their own, and `stats` is a path of the gateway's: none of the
/// three names a scan.
package struct ScanID: Hashable, Sendable, CustomStringConvertible {
    /// The longest name, in bytes.
    package static let maximumLength = 128

    /// The name as it stands in the path.
    package let text: String

    package var description: String { self.text }

    /// The scan of this name; `nil` if this cannot be the name of a scan.
    ///
    /// - Parameter text: A path segment after percent-decoding.
    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength, bytes.allSatisfy(Self.isAllowed) else { return nil }
        let name = String(text)
        guard name != ".", name != "..", name != "stats" else { return nil }
        self.text = name
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "-"):
            true
        default:
            false
        }
    }
}
