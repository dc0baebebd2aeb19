package import SluiceBase

/// Finds the client behind a connection that may come through trusted proxies.
///
/// The fields are read from the right end, where trusted proxies wrote: entries further left are only as good as the
/// hop that added them. The first address that is not a trusted proxy is the client; a hop that names no client is the
/// client itself.
package struct ForwardedAddress: Sendable {
    /// No more hops than this are read, from the right end: a client may write as many as a header holds.
    static let maximumHopCount = 32

    private let trusted: [AddressBlock]

    /// A reader.
    ///
    /// - Parameter trusted: The addresses of proxies whose fields are believed; may be empty.
    package init(trusted: [AddressBlock]) {
        self.trusted = trusted
    }

    /// Whether a peer's forwarding fields are believed.
    package func isTrusted(_ address: IPAddress) -> Bool {
        self.trusted.contains { $0.contains(address) }
    }

    /// The address for which a request counts.
    ///
    /// If both fields are present they must agree: a proxy that writes one of them passes a client's own forgery of the
    /// other through.
    ///
    /// - Parameters:
    ///   - peer: The other end of the connection.
    ///   - forwardedFor: The values of all `X-Forwarded-For` fields, in their order.
    ///   - forwarded: The values of all `Forwarded` fields (RFC 7239), in their order.
    /// - Returns: The client's address, so far as it can be believed.
    package func client(peer: IPAddress, forwardedFor: [String], forwarded: [String]) -> IPAddress {
        guard self.isTrusted(peer) else {
            return peer
        }
        return self.client(behind: peer, forwardedFor: forwardedFor, forwarded: forwarded) ?? peer
    }

    /// The address for which a request counts that came through a trusted proxy.
    ///
    /// - Parameters:
    ///   - peer: The proxy; `nil` for one of this machine, which has no address.
    ///   - forwardedFor: The values of all `X-Forwarded-For` fields, in their order.
    ///   - forwarded: The values of all `Forwarded` fields, in their order.
    /// - Returns: The client's address, so far as it can be believed; else the proxy's.
    package func client(behind peer: IPAddress?, forwardedFor: [String], forwarded: [String]) -> IPAddress? {
        switch (forwardedFor.isEmpty, forwarded.isEmpty) {
        case (true, true):
            return peer
        case (false, true):
            return self.client(peer: peer, hops: Self.listed(forwardedFor))
        case (true, false):
            return self.client(peer: peer, hops: ForwardedField.hops(forwarded))
        case (false, false):
            let first = self.client(peer: peer, hops: Self.listed(forwardedFor))
            let second = self.client(peer: peer, hops: ForwardedField.hops(forwarded))
            return first == second ? first : peer
        }
    }

    /// Walks from the right end; `nil` is a hop that cannot be read.
    private func client(peer: IPAddress?, hops: [IPAddress?]) -> IPAddress? {
        var lastTrusted = peer
        for hop in hops.reversed() {
            guard let hop else {
                return lastTrusted
            }
            guard self.isTrusted(hop) else {
                return hop
            }
            lastTrusted = hop
        }
        return lastTrusted
    }

    /// Whether the client reached the first proxy by TLS.
    ///
    /// In a chain the leftmost entry counts, because that proxy saw the client. A client may forge it without harm: it
    /// only decides which pages are the gateway's own, which matters to browsers alone, and no page can set these
    /// fields. If both fields are present, `X-Forwarded-Proto` counts: proxies that write it pass the other one
    /// through.
    ///
    /// - Parameters:
    ///   - peer: The other end of the connection.
    ///   - forwardedProto: The values of all `X-Forwarded-Proto` fields, in their order.
    ///   - forwarded: The values of all `Forwarded` fields (RFC 7239), in their order.
    /// - Returns: `nil` if the peer is no trusted proxy, or does not say.
    package func isSecure(peer: IPAddress, forwardedProto: [String], forwarded: [String]) -> Bool? {
        self.isTrusted(peer) ? Self.isSecure(forwardedProto: forwardedProto, forwarded: forwarded) : nil
    }

    /// The same of a request that came through a trusted proxy.
    package static func isSecure(forwardedProto: [String], forwarded: [String]) -> Bool? {
        let first = Self.elements(forwardedProto).lazy.map { ForwardedField.trimmed($0) }.first { !$0.isEmpty }
        return Self.isSecure(first.map { String(decoding: $0, as: UTF8.self) })
            ?? Self.isSecure(ForwardedField.proto(forwarded))
    }

    /// Some proxies name the protocol that the request is to become: a WebSocket's.
    private static func isSecure(_ scheme: String?) -> Bool? {
        switch scheme?.lowercased() {
        case "https", "wss":
            true
        case "http", "ws":
            false
        default:
            nil
        }
    }

    private static func listed(_ values: [String]) -> [IPAddress?] {
        self.elements(values).suffix(Self.maximumHopCount)
            .map { element in
                ForwardedField.address(String(decoding: ForwardedField.trimmed(element), as: UTF8.self))
            }
    }

    /// A list may be spread over several lines (RFC 9110 section 5.3).
    private static func elements(_ values: [String]) -> [ArraySlice<UInt8>] {
        Array(values.joined(separator: ",").utf8)
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    }
}
