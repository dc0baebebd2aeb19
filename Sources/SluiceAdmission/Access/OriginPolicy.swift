/// Which web pages a browser may speak to the gateway from.
///
/// A page of the gateway itself may, and those on the list.
package struct OriginPolicy: Sendable, Hashable {
    /// The result of an `Origin` field.
    package enum Verdict: Sendable, Hashable {
        /// A page of the gateway's own.
        case own
        /// A page of an origin on the list.
        case listed(WebOrigin)
        /// Any other, malformed ones included.
        case refused
    }

    private let listed: Set<WebOrigin>

    /// A policy.
    ///
    /// - Parameter origins: The origins besides the gateway's own.
    package init(_ origins: [WebOrigin]) {
        self.listed = Set(origins)
    }

    /// Judges the page that a request comes from.
    ///
    /// - Parameters:
    ///   - origin: The `Origin` field of the request.
    ///   - host: The `Host` field of the request.
    ///   - isSecure: Whether the browser reached the gateway by TLS.
    /// - Returns: Whether its pages may speak to the gateway, and why.
    package func verdict(origin: String, host: String?, isSecure: Bool) -> Verdict {
        let page: WebOrigin
        do throws(WebOrigin.Fault) {
            page = try WebOrigin(origin)
        } catch {
            return .refused
        }
        if let host, WebOrigin(host: host, isSecure: isSecure) == page {
            return .own
        }
        return self.lists(page) ? .listed(page) : .refused
    }

    /// Whether an origin is on the list.
    ///
    /// - Parameter origin: The origin of a page.
    /// - Returns: Whether its pages may speak to the gateway as long as it is.
    package func lists(_ origin: WebOrigin) -> Bool {
        self.listed.contains(origin)
    }
}
