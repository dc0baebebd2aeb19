/// Which web pages a browser may speak to the gateway from.
///
/// A page of the gateway itself may, and those on the list. `null`, the origin of a sandboxed page or a local file,
/// never may: anybody can have it.
package struct OriginPolicy: Sendable, Hashable {
    private let allowed: Set<WebOrigin>
    private let allowsAny: Bool

    /// A policy.
    ///
    /// - Parameter origins: Origins as ``isValid(_:)`` has them. Others allow nobody.
    package init(origins: [String]) {
        self.allowsAny = origins.contains("*")
        self.allowed = Set(origins.compactMap(WebOrigin.init))
    }

    /// Whether an entry of the list can allow anybody: an origin, or `*` for all.
    ///
    /// - Parameter origin: The entry.
    /// - Returns: Whether it is one of these.
    package static func isValid(_ origin: String) -> Bool {
        origin == "*" || WebOrigin(origin) != nil
    }

    /// Whether a page may speak to the gateway.
    ///
    /// - Parameters:
    ///   - origin: The `Origin` field of the request.
    ///   - host: The `Host` field of the request.
    ///   - isSecure: Whether the browser reached the gateway by TLS.
    /// - Returns: Whether the origin is allowed.
    package func allows(origin: String, host: String?, isSecure: Bool) -> Bool {
        guard let origin = WebOrigin(origin) else {
            return false
        }
        if self.allowsAny || self.allowed.contains(origin) {
            return true
        }
        return host.flatMap { WebOrigin(scheme: isSecure ? "https" : "http", authority: $0) } == origin
    }
}
