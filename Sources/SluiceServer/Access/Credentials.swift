internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// The credential that a request shows: the first one present, in a fixed order, wins.
///
/// A value that is not a credential, with a scheme other than Bearer or without content, does not hide a later
/// credential: proxies and browsers add such values on their own.
struct Credentials: Sendable, Equatable {
    /// The kind of proof.
    enum Proof: Sendable, Equatable {
        /// A JWT or an ingest key.
        case bearer(String)
        /// A JWT that may not be an ingest key, because of the place where it stood.
        case token(String)
        case ticket(String)
        case none
        /// A value cannot be a credential, or a credential is where it must not be.
        case malformed(String)

        /// Whether it can be no token of this gateway's keys: it does not have a JWT's three parts.
        var isOpaque: Bool {
            guard case .bearer(let text) = self else {
                return false
            }
            return text.utf8.count { $0 == UInt8(ascii: ".") } != 2
        }

        /// Its name in the log.
        var name: String {
            switch self {
            case .bearer: "bearer"
            case .token: "token"
            case .ticket: "ticket"
            case .none: "none"
            case .malformed: "malformed"
            }
        }
    }

    var proof: Proof
    /// Where it stood.
    var carrier = Arrival.Carrier.field
    /// Whether a browser adds it by itself to the request of any page: then the page must be allowed to ask.
    var isAmbient = false
    /// The subprotocol to name in the answer to a WebSocket handshake.
    var subprotocol: String?

    /// The subprotocol of the gateway.
    static let subprotocol = "sluice.v1"
    /// The prefix of a token among the subprotocols.
    private static let protocolPrefix = "bearer."

    /// Reads a request's credential.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - isWebSocket: Whether `Sec-WebSocket-Protocol` may carry one.
    ///   - auth: The places that the operator allows.
    init(_ request: HTTPRequest, isWebSocket: Bool, auth: GatewayConfiguration.Auth) {
        let offered = isWebSocket ? Self.offeredProtocols(request) : []
        let bare = Self.bareToken(offered)
        // A client that offers nothing but its token fails the handshake unless it is echoed, whatever else it shows.
        self.subprotocol = bare ?? offered.first { $0 == Self.subprotocol }
        if let proof = Self.authorization(request.headers["Authorization"]) {
            self.proof = proof
        } else if let token = request.query.present("token") {
            self.proof = auth.queryToken ? .token(token) : .malformed("a token in the URL is not allowed; use a ticket")
            self.carrier = .query
        } else if let token = Self.prefixedToken(offered) ?? bare {
            self.proof = .token(token)
        } else if let ticket = request.query.present("ticket") {
            self.proof = .ticket(ticket)
        } else if let name = auth.cookie, let token = Self.cookie(name, in: request.headers["Cookie"]) {
            self.proof = .token(token)
            self.carrier = .cookie(name)
            self.isAmbient = true
        } else {
            // The connection's certificate may remain.
            self.proof = .none
            self.isAmbient = true
        }
    }

    /// RFC 9110 section 11.6.2, RFC 6750 section 2.1.
    private static func authorization(_ fields: [String]) -> Proof? {
        var found: String?
        for field in fields {
            guard let value = Self.bearer(field) else {
                continue
            }
            guard found == nil else {
                return .malformed("several tokens in Authorization fields")
            }
            found = value
        }
        guard let found else {
            return nil
        }
        guard !found.isEmpty else {
            return .malformed("the Authorization field is not of the form: Bearer <token>")
        }
        return .bearer(found)
    }

    /// What stands behind the scheme's name, whose case does not count; nil for another scheme, or if nothing does, and
    /// empty if it is more than one word.
    private static func bearer(_ field: String) -> String? {
        var field = field
        return field.withUTF8 { bytes in
            let scheme: StaticString = "bearer"
            // Within the bounds that are asked for first.
            guard bytes.count > 6, (0..<6).allSatisfy({ unsafe bytes[$0] | 0x20 == scheme.utf8Start[$0] }),
                unsafe Self.isSpace(bytes[6]),
                let start = (7..<bytes.count).first(where: { unsafe !Self.isSpace(bytes[$0]) })
            else { return nil }
            let value = unsafe bytes[start...]
            return unsafe value.contains(where: Self.isSpace) ? "" : String(decoding: value, as: UTF8.self)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    private static func offeredProtocols(_ request: HTTPRequest) -> [String] {
        request.headers["Sec-WebSocket-Protocol"]
            .flatMap { value in
                value.utf8.split(separator: UInt8(ascii: ",")).map { Substring($0).trimming(in: " \t") }
            }
    }

    private static func prefixedToken(_ offered: [String]) -> String? {
        offered.first { $0.hasPrefix(Self.protocolPrefix) && $0 != Self.protocolPrefix }
            .map { String($0.dropFirst(Self.protocolPrefix.count)) }
    }

    /// The only protocol offered, if it is a token: three parts in base64url, the first of which is JSON's object
    /// (RFC 7515 section 7.1).
    ///
    /// Any other name with two dots in it is some application's protocol.
    private static func bareToken(_ offered: [String]) -> String? {
        guard offered.count == 1, let only = offered.first else {
            return nil
        }
        let parts = only.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, Base64URL.decode(parts[0])?.first == UInt8(ascii: "{") else {
            return nil
        }
        return only
    }

    private static func cookie(_ name: String, in fields: [String]) -> String? {
        let name = ByteName(name)
        for field in fields {
            // By bytes, as browsers do: other characters are equal to a semicolon or a name by Unicode's rules.
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, ByteName(Substring(parts[0]).trimming(in: " \t")) == name {
                    let value = Substring(parts[1]).trimming(in: " \t\"")
                    if !value.isEmpty {
                        return value
                    }
                }
            }
        }
        return nil
    }
}

extension QueryParameters {
    /// The first value of a name that is not empty.
    fileprivate func present(_ name: String) -> String? {
        self.all.first { $0.name == name && !$0.value.isEmpty }?.value
    }
}
