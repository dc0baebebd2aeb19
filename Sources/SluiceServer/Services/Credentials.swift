internal import NIOHTTP1
internal import SluiceAdmission

/// The credential that a request shows: the first one present, in a fixed order, wins.
struct Credentials: Sendable, Equatable {
    /// What kind of proof it is.
    enum Proof: Sendable, Equatable {
        /// A JWT or an ingest key.
        case bearer(String)
        /// A JWT that may not be an ingest key, because of the place where it stood.
        case token(String)
        case ticket(String)
        case none
        /// Something stands there that cannot be a credential, or one is where it must not be.
        case malformed(String)
    }

    var proof: Proof
    /// Whether a browser adds it by itself, whoever's page asks: then the page has to be one that may ask.
    var isAmbient = false
    /// The subprotocol to name in the answer to a WebSocket handshake.
    var subprotocol: String?

    /// The subprotocol of the gateway.
    static let subprotocol = "sluice.v1"

    /// Reads a request's credential.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - isWebSocket: Whether `Sec-WebSocket-Protocol` may carry one.
    ///   - auth: What the operator allows.
    init(_ request: HTTPRequest, isWebSocket: Bool, auth: GatewayConfiguration.Auth) {
        let offered = isWebSocket ? Self.offeredProtocols(request) : []
        self.subprotocol = offered.first { $0 == Self.subprotocol }
        let authorizations = request.headers["Authorization"]
        if let authorization = authorizations.first {
            self.proof = Self.authorization(authorizations.count == 1 ? authorization : nil)
        } else if let token = request.query.first("token") {
            self.proof = auth.queryToken ? .token(token) : .malformed("a token in the URL is not allowed; use a ticket")
        } else if let proof = Self.protocolToken(offered) {
            self.proof = proof.proof
            // A client that offers nothing but its token fails the handshake unless it is echoed.
            self.subprotocol = self.subprotocol ?? proof.echo
        } else if let ticket = request.query.first("ticket") {
            self.proof = .ticket(ticket)
        } else if let name = auth.cookie, let token = Self.cookie(name, in: request.headers["Cookie"]) {
            self.proof = .token(token)
            self.isAmbient = true
        } else {
            // What may be left is the connection's certificate.
            self.proof = .none
            self.isAmbient = true
        }
    }

    private static func authorization(_ value: String?) -> Proof {
        guard let value else {
            return .malformed("several Authorization fields")
        }
        let token = value.utf8.dropFirst(7)
        if value.utf8.starts(with: "Bearer ".utf8), !token.isEmpty, !token.contains(UInt8(ascii: " ")) {
            // As nearly everybody writes it.
            return .bearer(String(Substring(token)))
        }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            return .malformed("the Authorization field is not of the form: Bearer <token>")
        }
        return .bearer(String(parts[1].drop { $0 == " " }))
    }

    private static func offeredProtocols(_ request: HTTPRequest) -> [String] {
        request.headers["Sec-WebSocket-Protocol"]
            .flatMap { value in
                value.split(separator: ",").map { $0.trimming(in: " \t") }
            }
    }

    private static func protocolToken(_ offered: [String]) -> (proof: Proof, echo: String?)? {
        if let bearer = offered.first(where: { $0.hasPrefix("bearer.") }) {
            return (.token(String(bearer.dropFirst("bearer.".count))), nil)
        }
        if offered.count == 1, let only = offered.first, only.filter({ $0 == "." }).count == 2 {
            return (.token(only), only)
        }
        return nil
    }

    private static func cookie(_ name: String, in fields: [String]) -> String? {
        for field in fields {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, parts[0].trimming(in: " \t") == name {
                    return parts[1].trimming(in: " \t\"")
                }
            }
        }
        return nil
    }
}

extension StringProtocol {
    /// The text without these characters at both ends.
    func trimming(in characters: String) -> String {
        var rest = Substring(self)
        while let first = rest.first, characters.contains(first) {
            rest.removeFirst()
        }
        while let last = rest.last, characters.contains(last) {
            rest.removeLast()
        }
        return String(rest)
    }
}
