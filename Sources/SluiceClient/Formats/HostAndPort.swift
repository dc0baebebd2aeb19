/// A host and a port apart from each other, out of an address as scanners write it: `https://a:8443/x`, `a:8443`, `a`.
struct HostAndPort: Sendable, Equatable {
    /// How much of a host is kept, in bytes: no name is longer than 255.
    private static let maximumHostBytes = 512

    let host: String
    let port: Int?

    /// Takes an address apart.
    ///
    /// - Parameters:
    ///   - address: The address.
    ///   - port: The port, where it is said elsewhere: it takes precedence.
    init(_ address: String, port: Int?) {
        var text = address[...]
        if let scheme = text.firstIndex(of: ":"), text[scheme...].hasPrefix("://") {
            text = text[scheme...].dropFirst(3)
        }
        text = text.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // Of an IPv6 address without brackets all colons are its own.
        let isAddress = text.filter { $0 == ":" }.count > 1 && !text.hasPrefix("[")
        if !isAddress, let colon = text.lastIndex(of: ":"), let written = Int(text[colon...].dropFirst()) {
            self.host = text[..<colon].prefix(bytes: Self.maximumHostBytes)
            self.port = port ?? written
        } else {
            self.host = text.prefix(bytes: Self.maximumHostBytes)
            self.port = port
        }
    }
}
