/// What may stand in `Host` and in a target's authority.
internal enum HostField {
    /// Whether this is `host[:port]` in the characters that RFC 3986, section 3.2.2 allows, without user information.
    ///
    /// An empty host is allowed, as RFC 9112, section 3.2 asks for targets that have none.
    static func isValid(_ value: String) -> Bool {
        var rest = value.utf8[...]
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            guard rest[..<end].dropFirst().allSatisfy(Self.isAddressByte) else { return false }
            rest = rest[rest.index(after: end)...]
        } else {
            rest = rest.drop(while: Self.isNameByte)
        }
        guard !rest.isEmpty else { return true }
        guard rest.first == UInt8(ascii: ":") else { return false }
        let port = rest.dropFirst()
        return port.count <= 5 && port.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        PercentDecoding.digit(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "%")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            "-._~%!$&'()*+,;=".utf8.contains(byte)
        }
    }
}
