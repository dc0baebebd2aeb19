/// A web origin: scheme, host and port (RFC 6454 section 4), in one spelling.
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    private let scheme: String
    private let authority: String

    /// An origin from its serialized form: `https://console.example.com:8443`.
    ///
    /// - Parameter text: Scheme `http` or `https`, a host, perhaps a port, and nothing more. `null` is no origin.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].starts(with: "//".utf8) else {
            return nil
        }
        self.init(
            scheme: String(decoding: parts[0], as: UTF8.self),
            authority: String(decoding: parts[1].dropFirst(2), as: UTF8.self)
        )
    }

    /// An origin from a scheme and what stands in a `Host` field.
    ///
    /// - Parameters:
    ///   - scheme: `http` or `https`, in any case.
    ///   - authority: A host name or address (IPv6 in brackets), perhaps with a port.
    package init?(scheme: String, authority: String) {
        let scheme = scheme.lowercased()
        guard scheme == "http" || scheme == "https", authority.utf8.count <= 512,
            // Some characters beyond ASCII have a lower case within it.
            authority.utf8.allSatisfy({ $0 < 0x80 })
        else {
            return nil
        }
        var host = authority.lowercased()
        var port: UInt16?
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let digits = host[host.index(after: colon)...]
            guard let number = UInt16(digits), digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }) else {
                return nil
            }
            port = number
            host = String(host[..<colon])
        }
        guard Self.isHost(host) else {
            return nil
        }
        let isDefault = port == (scheme == "https" ? 443 : 80)
        self.scheme = scheme
        self.authority = port.flatMap { isDefault ? nil : "\(host):\($0)" } ?? host
    }

    package var description: String { "\(self.scheme)://\(self.authority)" }

    /// A name or an address of visible ASCII without what would make it anything but a host.
    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.contains(":") && IPAddress(host.dropFirst().dropLast()) != nil
        }
        let allowed = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default:
                false
            }
        }
        return allowed && !host.isEmpty
    }
}
