import SluiceBase

/// The application's answer about a visitor.
package enum ApplicationAnswer: Sendable, Equatable {
    /// Who it is, and what they may do.
    case admitted(Identity)
    /// Nobody that it knows, or somebody who may not do this; with its `WWW-Authenticate` fields.
    case refused(isKnown: Bool, challenges: [String])
    /// There was none that says either, and why.
    case unavailable(String)

    /// The longest answer that is read, in bytes.
    package static let maximumBytes = 65_536
    /// The most `WWW-Authenticate` fields that are passed on, and the most bytes of each.
    private static let maximumChallengeCount = 8
    private static let maximumChallengeBytes = 1024
    private static let rules = JSONReader.Rules.strict(maximumDepth: 16, maximumMemberCount: 256)

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - status: Its status.
    ///   - challenges: The values of its `WWW-Authenticate` fields.
    ///   - body: Its body.
    ///   - credential: What was judged.
    ///   - roles: Which roles mean what.
    ///   - now: The wall clock, in seconds since 1970.
    package init(
        status: Int,
        challenges: [String],
        body: [UInt8],
        credential: ApplicationCredential,
        roles: ClaimRules,
        now: Double
    ) {
        switch status {
        case 200:
            self = Self.read(body, ApplicationEvidence(credential, roles), roles, now: now)
        case 401, 403:
            self = .refused(isKnown: status == 403, challenges: Self.passedOn(challenges))
        default:
            self = .unavailable("the answer was \(status)")
        }
    }

    /// Whether it may be given again: identities until they end, refusals always.
    func holds(now: Double) -> Bool {
        switch self {
        case .admitted(let identity): identity.expiresAt.map { now < $0 } ?? true
        case .refused: true
        case .unavailable: false
        }
    }

    private static func passedOn(_ challenges: [String]) -> [String] {
        let fitting = challenges.filter { challenge in
            (1...Self.maximumChallengeBytes).contains(challenge.utf8.count)
                && challenge.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }
        }
        return Array(fitting.prefix(Self.maximumChallengeCount))
    }

    private static func read(
        _ body: [UInt8],
        _ evidence: ApplicationEvidence,
        _ rules: ClaimRules,
        now: Double
    ) -> Self {
        let answer: JSONNode
        do {
            answer = try JSONReader.object(body, Self.rules)
        } catch {
            return .unavailable("the answer is no strict JSON object")
        }
        do throws(TokenError) {
            let claims = try ApplicationClaims(answer)
            if let expiresAt = claims.expiresAt, expiresAt <= now {
                return .refused(isKnown: false, challenges: [])
            }
            return .admitted(
                Identity(
                    kind: .application,
                    subject: claims.subject,
                    isAdmin: ClaimRules.contains(rules.adminRoles, oneOf: claims.roles),
                    scans: claims.scans,
                    canIngest: claims.scope.contains { $0.utf8.elementsEqual("ingest".utf8) }
                        || ClaimRules.contains(rules.ingestRoles, oneOf: claims.roles),
                    expiresAt: claims.expiresAt,
                    issuedAt: now,
                    evidence: .application(evidence)
                )
            )
        } catch {
            return .unavailable(error.claim.map { "\($0.name) \($0.fault)" } ?? "the answer names nobody")
        }
    }
}

/// What an application says about a visitor; as a token would, under the gateway's own names.
private struct ApplicationClaims {
    let subject: String
    let roles: [String]
    let scans: [ScanPattern]?
    let scope: [String]
    let expiresAt: Double?

    init(_ answer: JSONNode) throws(TokenError) {
        let names = ClaimRules()
        guard let subject = try TokenClaims.name("sub", answer.present("sub")) else {
            throw TokenError(.claims, claim: TokenError.Claim(name: "sub", fault: "is missing"))
        }
        self.subject = subject
        self.roles = try TokenClaims.texts(names.roles, answer) { [$0] } ?? []
        self.scans = try TokenClaims.texts(names.scans, answer) { [$0] }?.map(ScanPattern.init)
        self.scope = try TokenClaims.texts(names.scope, answer) { $0.split(separator: " ").map(String.init) } ?? []
        self.expiresAt = try TokenClaims.time("exp", answer)
    }
}
