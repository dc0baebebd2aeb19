/// The claims of a token whose signature has been verified (RFC 7519 section 4).
///
/// A registered claim of the wrong type makes the token invalid, whether it is asked for or not.
struct TokenClaims {
    /// The longest `sub` and `jti`, in bytes of UTF-8.
    static let maximumNameBytes = 256
    /// Times are cut off here (in the year 2255), so that in nanoseconds they fit a signed 64-bit integer.
    static let latestTime = 9_000_000_000.0

    private static let maximumDepth = 16
    private static let maximumMemberCount = 256

    let subject: String
    let lifetime: TokenLifetime
    let issuer: String?
    let audiences: [String]
    let tokenID: String?
    let roles: [String]
    let scans: [ScanPattern]?
    let scope: [String]

    /// Reads claims.
    ///
    /// - Parameter bytes: The decoded second part of a token.
    /// - Throws: ``TokenError`` with `malformed` or `claims`.
    init(_ bytes: [UInt8]) throws(TokenError) {
        let claims: JSONObject
        do {
            claims = try JSONReader.object(
                bytes,
                maximumDepth: Self.maximumDepth,
                maximumMemberCount: Self.maximumMemberCount
            )
        } catch {
            throw TokenError(.malformed)
        }
        guard let subject = try Self.name(claims["sub"]), let expiresAt = try Self.time(claims["exp"]) else {
            throw TokenError(.claims)
        }
        self.subject = subject
        self.lifetime = TokenLifetime(
            expiresAt: expiresAt,
            notBefore: try Self.time(claims["nbf"]),
            issuedAt: try Self.time(claims["iat"])
        )
        self.issuer = try Self.text(claims["iss"])
        self.audiences = try Self.audiences(claims["aud"])
        self.tokenID = try Self.name(claims["jti"])
        self.roles = try Self.texts(claims["roles"]) ?? []
        self.scans = try Self.texts(claims["scans"])?.map(ScanPattern.init)
        self.scope = try Self.text(claims["scope"])?.split(separator: " ").map(String.init) ?? []
    }

    private static func text(_ claim: JSONValue?) throws(TokenError) -> String? {
        guard let claim else {
            return nil
        }
        guard let text = claim.string else {
            throw TokenError(.claims)
        }
        return text
    }

    private static func texts(_ claim: JSONValue?) throws(TokenError) -> [String]? {
        guard let claim else {
            return nil
        }
        guard let texts = claim.strings else {
            throw TokenError(.claims)
        }
        return texts
    }

    /// A text that is kept and shown: not empty, bounded, and without control characters, which would forge logs.
    private static func name(_ claim: JSONValue?) throws(TokenError) -> String? {
        guard let name = try Self.text(claim) else {
            return nil
        }
        let hasControl = name.unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard !name.isEmpty, name.utf8.count <= Self.maximumNameBytes, !hasControl else {
            throw TokenError(.claims)
        }
        return name
    }

    private static func time(_ claim: JSONValue?) throws(TokenError) -> Double? {
        guard let claim else {
            return nil
        }
        guard case .number(let seconds) = claim, seconds.isFinite else {
            throw TokenError(.claims)
        }
        return min(max(seconds, -Self.latestTime), Self.latestTime)
    }

    /// RFC 7519 section 4.1.3: one string, or an array of them.
    private static func audiences(_ claim: JSONValue?) throws(TokenError) -> [String] {
        if let audience = claim?.string {
            return [audience]
        }
        return try Self.texts(claim) ?? []
    }
}
