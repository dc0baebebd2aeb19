internal import NIOHTTP1
internal import SluiceHTTP

/// What becomes of the fields of requests and answers that are passed on: those of one connection alone stay behind
/// (RFC 9110, section 7.6.1), and the upstream is told who asks.
enum ForwardedHead {
    /// Who sent a request.
    struct Peer: Sendable {
        /// The other end's address; empty if it has none.
        var address: String
        /// Whether it is a proxy whose word is taken.
        var isTrusted: Bool
        /// Whether it speaks TLS.
        var isTLS: Bool
    }

    /// Fields of a connection.
    private static let ofConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
    ]
    /// Fields that no `Connection` takes away: framing and routing, and what is said of the client.
    private static let kept: Set<String> = [
        "host", "content-length", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
    ]
    /// Fields that have no place behind a body (RFC 9110, section 6.5.1).
    private static let notInTrailers: Set<String> = [
        "host", "content-length", "content-encoding", "content-type", "content-range", "trailer", "authorization",
        "cookie", "set-cookie", "expect", "range", "max-forwards", "cache-control", "date", "location", "vary",
    ]

    /// The request that an upstream gets.
    ///
    /// - Parameters:
    ///   - request: The client's.
    ///   - target: The target that the route gives it.
    ///   - host: The `Host` that is the upstream's own.
    ///   - keepsHost: Whether it gets the client's instead.
    ///   - peer: Who sent it.
    ///   - requestID: What it is called.
    /// - Returns: Its head.
    static func request(
        _ request: HTTPRequest,
        target: String,
        host: String,
        keepsHost: Bool,
        peer: Peer,
        requestID: String
    ) -> UpstreamRequest {
        let headers = request.headers
        let protocols = Self.protocols(request)
        let dropped = Self.dropped(by: headers)
        var fields = headers.keeping { index in
            let name = headers.lowercasedName(at: index)
            if name == "upgrade" {
                return false
            }
            return !dropped.contains(name) && !Self.isReplaced(name, peer)
        }
        Self.setHost(of: &fields, keepsHost ? request.authority ?? host : host, request)
        Self.addForwarding(to: &fields, request, peer, requestID)
        let takesTrailers = headers.elements(of: "TE")
            .contains { $0.prefix { $0 != ";" && $0 != " " }.lowercased() == "trailers" }
        if takesTrailers {
            fields.append("TE", "trailers")
        }
        if !protocols.isEmpty {
            fields.append("Upgrade", protocols.joined(separator: ", "))
        }
        if request.connectProtocol == "websocket", !fields.contains(name: "Sec-WebSocket-Key") {
            // RFC 8441, section 5.1: there is none over HTTP/2.
            fields.append("Sec-WebSocket-Key", Self.webSocketKey())
        }
        let options = (takesTrailers ? ["TE"] : []) + (protocols.isEmpty ? [] : ["Upgrade"])
        if !options.isEmpty {
            fields.append("Connection", options.joined(separator: ", "))
        }
        return UpstreamRequest(
            method: request.method,
            target: target,
            fields: fields,
            contentLength: request.contentLength,
            isChunked: request.isChunked,
            asksForUpgrade: !protocols.isEmpty
        )
    }

    /// What a trusted proxy calls a request; nil if it does not, or nobody is trusted.
    static func requestID(of request: HTTPRequest, _ peer: Peer) -> String? {
        guard peer.isTrusted, let id = request.single("X-Request-Id"), (1...128).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            return nil
        }
        return id
    }

    /// Whether a request asks for another protocol.
    static func asksForUpgrade(_ request: HTTPRequest) -> Bool {
        !Self.protocols(request).isEmpty
    }

    /// The fields of an answer that its client gets.
    static func answer(_ answer: UpstreamAnswer) -> HeaderFields {
        let headers = answer.fields
        let dropped = Self.dropped(by: headers)
        let code = answer.status.code
        let hasNoLength = code < 200 || code == 204
        // 101 says which protocol follows, and 426 which one to ask for.
        let keepsUpgrade = code == 101 || code == 426
        var fields = headers.keeping { index in
            let name = headers.lowercasedName(at: index)
            if name == "upgrade" {
                return keepsUpgrade
            }
            return !dropped.contains(name) && name != "x-request-id" && !(hasNoLength && name == "content-length")
        }
        if code == 426 {
            fields.append("Connection", "Upgrade")
        }
        return fields
    }

    /// The trailers of a request or an answer that are passed on.
    static func trailers(_ trailers: HeaderFields?) -> HeaderFields? {
        trailers.map { trailers in
            trailers.keeping { index in
                let name = trailers.lowercasedName(at: index)
                return !Self.ofConnection.contains(name) && !Self.notInTrailers.contains(name)
                    && !Self.speaksOfClient(name)
            }
        }
    }

    /// The protocols that a request asks for; HTTP/1.0 has no such thing (RFC 9110, section 7.8).
    ///
    /// Not HTTP/2 in plaintext: behind it requests would pass that nobody has looked at, and RFC 9113 has given it up.
    private static func protocols(_ request: HTTPRequest) -> [String] {
        if let name = request.connectProtocol {
            return [name]
        }
        guard !request.isVersion10,
            request.headers.elements(of: "Connection").contains(where: { $0.lowercased() == "upgrade" })
        else {
            return []
        }
        return request.headers.elements(of: "Upgrade").filter { !$0.isEmpty && !$0.lowercased().hasPrefix("h2c") }
    }

    /// Sixteen random bytes in base64 (RFC 6455, section 4.1).
    private static func webSocketKey() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var generator = SystemRandomNumberGenerator()
        // The last of 22 digits stands for two bits, and four that are 0.
        let digits = (0..<22).map { alphabet[Int.random(in: 0..<64, using: &generator) & ($0 == 21 ? 0x30 : 0x3F)] }
        return String(decoding: digits, as: UTF8.self) + "=="
    }

    /// The names of the fields that end here, in lower case.
    private static func dropped(by headers: HeaderFields) -> Set<String> {
        let named = headers.elements(of: "Connection").map { $0.lowercased() }
        return Self.ofConnection.union(Set(named).subtracting(Self.kept))
    }

    /// Whether a client's field is left out, because it is not believed or the gateway's own takes its place.
    private static func isReplaced(_ name: String, _ peer: Peer) -> Bool {
        guard peer.isTrusted else {
            return Self.speaksOfClient(name)
        }
        // Proxies pass on what is spelt otherwise, unread.
        return name == "x-forwarded-for" || name == "x-request-id" || name.contains("_") && Self.speaksOfClient(name)
    }

    /// Whether a field says who a request is from, or what it is called; many servers take `_` for `-`.
    private static func speaksOfClient(_ name: String) -> Bool {
        let name = name.replacing("_", with: "-")
        return name.hasPrefix("x-forwarded-") || name == "forwarded" || name == "x-request-id"
    }

    private static func setHost(of fields: inout HeaderFields, _ host: String, _ request: HTTPRequest) {
        guard let index = (0..<fields.count).first(where: { fields.lowercasedName(at: $0) == "host" }) else {
            fields.append("Host", host)
            return
        }
        if fields.value(at: index) != host {
            fields.replaceValue(at: index, host)
        }
    }

    private static func addForwarding(
        to fields: inout HeaderFields,
        _ request: HTTPRequest,
        _ peer: Peer,
        _ requestID: String
    ) {
        let before = peer.isTrusted ? request.headers["X-Forwarded-For"].filter { !$0.isEmpty } : []
        let list = before + (peer.address.isEmpty ? [] : [peer.address])
        if !list.isEmpty {
            fields.append("X-Forwarded-For", list.joined(separator: ", "))
        }
        if !fields.contains(name: "X-Forwarded-Proto") {
            fields.append("X-Forwarded-Proto", peer.isTLS ? "https" : "http")
        }
        if !fields.contains(name: "X-Forwarded-Host"), let authority = request.authority {
            fields.append("X-Forwarded-Host", authority)
        }
        fields.append("X-Request-Id", requestID)
    }
}
