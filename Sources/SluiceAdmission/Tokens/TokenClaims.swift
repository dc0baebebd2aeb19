import SluiceBase

/// The claims of a token whose signature has been verified (RFC 7519 section 4).
///
/// A registered claim of the wrong type makes the token invalid, whether it is asked for or not; `null` is an absent one.
struct TokenClaims {
    /// The longest `sub` and `jti`, in bytes of UTF-8.
    static let maximumNameBytes = 256
    /// Times are cut off here (in the year 2255), so that in nanoseconds they fit a signed 64-bit integer.
    static let latestTime = 9_000_000_000.0

    private static let rules = JSONReader.Rules.strict(maximumDepth: 16, maximumMemberCount: 256)

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
    /// - Parameters:
    ///   - bytes: The decoded second part of a token.
    ///   - rules: Where the gateway's own claims stand.
    /// - Throws: ``TokenError`` with `malformed` or `claims`.
    init(_ bytes: [UInt8], rules: ClaimRules = ClaimRules()) throws(TokenError) {
        let claims: JSONNode
        do {
            claims = try JSONReader.object(bytes, Self.rules)
        } catch {
            throw TokenError(.malformed)
        }
        // A `sub` that is not the user is still one by its type.
        _ = try Self.name("sub", claims.present("sub"))
        let subject = rules.subject.value(in: claims)
        self.subject = try Self.required("\(rules.subject)", try Self.name("\(rules.subject)", subject))
        self.lifetime = TokenLifetime(
            expiresAt: try Self.required("exp", try Self.time("exp", claims)),
            notBefore: try Self.time("nbf", claims),
            issuedAt: try Self.time("iat", claims)
        )
        self.issuer = try Self.text("iss", claims)
        self.audiences = try Self.audiences("aud", claims)
        self.tokenID = try Self.name("jti", claims.present("jti"))
        self.roles = try Self.texts(rules.roles, claims) { [$0] } ?? []
        self.scans = try Self.texts(rules.scans, claims) { [$0] }?.map(ScanPattern.init)
        self.scope = try Self.texts(rules.scope, claims) { $0.split(separator: " ").map(String.init) } ?? []
    }

    private static func fault(_ name: String, _ fault: String) -> TokenError {
        TokenError(.claims, claim: TokenError.Claim(name: name, fault: fault))
    }

    private static func required<Value>(_ name: String, _ value: Value?) throws(TokenError) -> Value {
        guard let value else {
            throw Self.fault(name, "is missing")
        }
        return value
    }

    private static func text(_ name: String, _ claims: JSONNode) throws(TokenError) -> String? {
        guard let claim = claims.present(name) else {
            return nil
        }
        guard let text = claim.string else {
            throw Self.fault(name, "is no string")
        }
        return text
    }

    /// A claim that is an array of strings, or one string, which `split` takes apart.
    static func texts(
        _ path: ClaimRules.Path,
        _ claims: JSONNode,
        split: (String) -> [String]
    ) throws(TokenError) -> [String]? {
        guard let claim = path.value(in: claims) else {
            return nil
        }
        guard let texts = claim.string.map(split) ?? claim.strings else {
            throw Self.fault("\(path)", "is no string, and no array of strings")
        }
        return texts
    }

    /// A text that is kept and shown: not empty, bounded, and without control characters, which would forge logs.
    static func name(_ name: String, _ claim: JSONNode?) throws(TokenError) -> String? {
        guard let claim else {
            return nil
        }
        guard let text = claim.string else {
            throw Self.fault(name, "is no string")
        }
        let hasControl = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard !text.isEmpty, text.utf8.count <= Self.maximumNameBytes, !hasControl else {
            throw Self.fault(name, "is empty, longer than \(Self.maximumNameBytes) bytes, or has control characters")
        }
        return text
    }

    static func time(_ name: String, _ claims: JSONNode) throws(TokenError) -> Double? {
        guard let claim = claims.present(name) else {
            return nil
        }
        guard let seconds = claim.double, seconds.isFinite else {
            throw Self.fault(name, "is no number of seconds")
        }
        return min(max(seconds, -Self.latestTime), Self.latestTime)
    }

    /// RFC 7519 section 4.1.3: one string, or an array of them.
    private static func audiences(_ name: String, _ claims: JSONNode) throws(TokenError) -> [String] {
        guard let claim = claims.present(name) else {
            return []
        }
        guard let audiences = claim.string.map({ [$0] }) ?? claim.strings else {
            throw Self.fault(name, "is no string, and no array of strings")
        }
        return audiences
    }
}

/// The times in a token, in seconds since 1970 (RFC 7519 section 2, NumericDate).
///
/// They are judged at each use, not once: a remembered token ends when it ends, also if the wall clock jumps.
struct TokenLifetime: Sendable, Hashable {
    /// `exp`.
    let expiresAt: Double
    /// `nbf`.
    let notBefore: Double?
    /// `iat`.
    let issuedAt: Double?

    /// Judges the times (RFC 7519 sections 4.1.4 to 4.1.6).
    ///
    /// - Parameters:
    ///   - now: The wall clock, in seconds since 1970.
    ///   - leeway: How far clocks may differ, in seconds.
    /// - Throws: ``TokenError`` with `expired` or `notYetValid`.
    func check(now: Double, leeway: Double) throws(TokenError) {
        guard now < self.expiresAt + leeway else {
            throw TokenError(.expired)
        }
        guard !self.isEarly(now: now, leeway: leeway) else {
            throw TokenError(.notYetValid)
        }
    }

    /// Whether ``check(now:leeway:)`` would throw.
    func isOver(now: Double, leeway: Double) -> Bool {
        !(now < self.expiresAt + leeway) || self.isEarly(now: now, leeway: leeway)
    }

    private func isEarly(now: Double, leeway: Double) -> Bool {
        now < (self.notBefore ?? -.infinity) - leeway || now < (self.issuedAt ?? -.infinity) - leeway
    }
}
