/// The host and the port of an address as scanners write it: `https://a:8443/x`, `a:8443`, `a`.
struct HostAndPort: Sendable, Equatable {
    /// The most bytes of a host that are kept; no name is longer than 255.
    private static let maximumHostBytes = 512

    let host: String
    let port: Int?

    /// Splits an address.
    ///
    /// - Parameters:
    ///   - address: The address.
    ///   - port: The port, where it is known otherwise; takes precedence.
    init(_ address: String, port: Int?) {
        var text = address[...]
        if let scheme = text.firstIndex(of: ":"), text[scheme...].hasPrefix("://") {
            text = text[scheme...].dropFirst(3)
        }
        text = text.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // In an IPv6 address without brackets no colon separates a port.
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
