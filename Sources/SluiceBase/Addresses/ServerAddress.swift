/// Where a NATS server listens.
package struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: Int
    /// Whether it is spoken to by TLS, whatever it says itself.
    package var isSecure: Bool

    package var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.isSecure ? "tls" : "nats")://\(host):\(self.port)"
    }

    /// `nats://host:port` or `tls://host:port`, 4222 where no port is named; nil for anything else.
    package init?(_ text: String) {
        guard let scheme = ["nats://", "tls://"].first(where: { text.hasPrefix($0) }) else {
            return nil
        }
        self.isSecure = scheme == "tls://"
        var rest = text.dropFirst(scheme.count)
        if rest.last == "/" {
            rest.removeLast()
        }
        var host = rest
        var port: Substring?
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else {
                return nil
            }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.first == ":" else {
                return nil
            }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = rest.firstIndex(of: ":") {
            host = rest[..<colon]
            port = rest[rest.index(after: colon)...]
        }
        guard !host.isEmpty, !host.contains(where: { "/@?# ".contains($0) }),
            let number = port.map({ Int($0) }) ?? 4222, (1...65_535).contains(number)
        else {
            return nil
        }
        self.host = String(host)
        self.port = number
    }
}
