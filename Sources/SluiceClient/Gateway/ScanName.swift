/// A scan's id as the gateway takes it; all its characters may stand in a path as they are.
package struct ScanName: Sendable, Hashable {
    package let value: String

    /// Checks an id.
    ///
    /// - Parameter value: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`; not `.`, `..` or `stats`.
    /// - Throws: If it is none.
    package init(_ value: String) throws(ClientError) {
        let isWellFormed = value.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default:
                "._~-".utf8.contains(byte)
            }
        }
        guard isWellFormed, (1...128).contains(value.utf8.count), ![".", "..", "stats"].contains(value) else {
            throw ClientError(
                .invalidScanID,
                "A scan's id is 1 to 128 letters, digits and . _ ~ - (and not \".\", \"..\" or \"stats\")."
            )
        }
        self.value = value
    }
}
