import Foundation
import SluiceBase

/// Where a gateway is.
package struct GatewayAddress: Sendable, Equatable {
    let isSecure: Bool

    /// A name or an address, IPv6 without brackets.
    let host: String
    let port: Int

    /// The path before the gateway's own paths; empty, or with a leading and no trailing slash.
    let basePath: String

    /// Reads an address.
    ///
    /// - Parameter url: `https://host:port`, `http://…`; `wss` and `ws` mean the same.
    /// - Throws: If it is no such URL, or bears a user, a query or a fragment.
    package init(_ url: String) throws(ClientError) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["https", "http", "wss", "ws"].contains(scheme), let host = parts.host, !host.isEmpty,
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil,
            (1...65_535).contains(parts.port ?? 443)
        else {
            throw ClientError(.invalidURL, "The gateway's URL has to look like https://host:8443.")
        }
        self.isSecure = scheme == "https" || scheme == "wss"
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.port = parts.port ?? (self.isSecure ? 443 : 80)
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        self.basePath = path
    }

    /// Host and port as a URL and the `Host` header have them.
    var authority: String {
        let name = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? name : "\(name):\(self.port)"
    }

    /// Whether the gateway is on this machine.
    var isLoopback: Bool { IPAddress.isLoopback(host: self.host) }

    /// Whether the host is an address and not a name: then it is not sent as TLS server name (RFC 6066 section 3).
    var hostIsAddress: Bool {
        self.host.contains(":") || self.host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// The URL to post a scan's messages to.
    func progressURL(of scanID: ScanID) -> String {
        "\(self.scanURL(of: scanID))/progress"
    }

    /// The URL to read a scan's history at.
    func messagesURL(of scanID: ScanID) -> String {
        "\(self.scanURL(of: scanID))/messages"
    }

    /// The path to follow a scan at.
    func socketPath(of scanID: ScanID) -> String {
        "\(self.basePath)/api/ws/scans/\(scanID.text)"
    }

    /// A URL of the gateway.
    ///
    /// - Parameters:
    ///   - path: Its segments, beneath what stands before the gateway's own paths; anything may be in them.
    ///   - query: Its parameters, in this order.
    /// - Returns: The URL.
    func url(_ path: [String], _ query: [(name: String, value: String)] = []) -> String {
        let segments = path.map { "/" + Self.encoded($0) }.joined()
        let parameters = query.map { "\($0.name)=\(Self.encoded($0.value))" }.joined(separator: "&")
        return self.root + segments + (parameters.isEmpty ? "" : "?" + parameters)
    }

    private var root: String { "\(self.isSecure ? "https" : "http")://\(self.authority)\(self.basePath)" }

    /// The URL of a scan itself.
    func scanURL(of scanID: ScanID) -> String {
        "\(self.root)/api/scans/\(scanID.text)"
    }

    /// Percent-encodes all but letters, digits, `-`, `_`, `~`, and dots among others (RFC 3986 section 2.3).
    private static func encoded(_ text: String) -> String {
        let isDots = text == "." || text == ".."
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(UnicodeScalar(byte))
            case UInt8(ascii: ".") where !isDots:
                result.append(".")
            default:
                result += "%" + Hexadecimal.text([byte]).uppercased()
            }
        }
        return result
    }
}
