/// A request target (RFC 9112, section 3.2), taken apart.
internal struct RequestTarget: Equatable {
    /// The path's segments, decoded; one that cannot be is left as it was sent.
    ///
    /// One may be `..` or have a `/` in it: segments are compared one by one, and never joined to a path again.
    let path: [String]
    /// The query's parameters.
    let query: QueryParameters
    /// Host and port, if the target is absolute.
    let authority: String?
    /// Whether it is `*`.
    let isAsterisk: Bool
    /// Whether path and query could be decoded: no escape is broken, all is UTF-8 without control characters, and there
    /// are not too many parameters.
    let isDecodable: Bool

    /// Takes apart a target in origin-form, absolute-form or asterisk-form.
    ///
    /// - Returns: nil for any other form, or a fragment.
    init?(_ target: String, maximumParameterCount: Int) {
        if target == "*" {
            self.path = []
            self.query = QueryParameters()
            self.authority = nil
            self.isAsterisk = true
            self.isDecodable = true
            return
        }
        guard let (authority, rest) = Self.splitAuthority(target), !rest.utf8.contains(UInt8(ascii: "#")) else {
            return nil
        }
        let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        let (path, isPathDecodable) = Self.segments(rest[..<(mark ?? rest.endIndex)])
        let query = mark.map { mark in
            QueryParameters(rest[rest.utf8.index(after: mark)...], maximumCount: maximumParameterCount)
        }
        self.query = (query ?? nil) ?? QueryParameters()
        self.path = path
        self.isDecodable = isPathDecodable && (mark == nil || query ?? nil != nil)
        self.authority = authority
        self.isAsterisk = false
    }

    /// Splits an absolute target into its authority and the rest; an origin-form has only the latter.
    private static func splitAuthority(_ target: String) -> (String?, Substring)? {
        if target.utf8.first == UInt8(ascii: "/") { return (nil, target[...]) }
        guard let colon = target.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let scheme = target[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = target[colon...]
        guard rest.hasPrefix("://") else { return nil }
        let start = rest.utf8.index(rest.startIndex, offsetBy: 3)
        let end =
            rest[start...].utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            ?? rest.endIndex
        let authority = String(rest[start..<end])
        // RFC 9110, section 4.2.1: an empty host is refused.
        guard HostField.isValid(authority), !authority.isEmpty, !authority.hasPrefix(":") else { return nil }
        return (authority, rest[end...])
    }

    private static func segments(_ path: Substring) -> ([String], isDecodable: Bool) {
        // `http://host?query` has no path at all, which means `/` (RFC 9110, section 4.2.3).
        guard path.utf8.count > 1 else { return ([], true) }
        var isDecodable = true
        var segments: [String] = []
        segments.reserveCapacity(4)
        let bytes = path.utf8
        var start = bytes.index(after: bytes.startIndex)
        while true {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex
            let segment = PercentDecoding.decode(bytes[start..<end], plusIsSpace: false)
            isDecodable = isDecodable && segment != nil
            segments.append(segment ?? String(Substring(bytes[start..<end])))
            guard end < bytes.endIndex else { return (segments, isDecodable) }
            start = bytes.index(after: end)
        }
    }
}

/// The values allowed in `Host` and in a target's authority.
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
