internal import SluiceAdmission
internal import SluiceBase

/// Makes tokens with the gateway's own keys, for `sluice token` and the demo.
package enum TokenMint {
    /// The claims of a token.
    package struct Claims: Sendable {
        /// Whose it is.
        package var subject: String
        /// Patterns of the scans that it speaks of; empty for none.
        package var scans: [String] = []
        package var roles: [String] = []
        package var scope: String?
        /// How long it holds, in seconds.
        package var secondsToLive: Int64

        package init(subject: String, secondsToLive: Int64) {
            self.subject = subject
            self.secondsToLive = secondsToLive
        }
    }

    /// Signs a token.
    ///
    /// - Parameters:
    ///   - claims: The claims.
    ///   - auth: Where the keys are.
    ///   - keyID: The key to sign with; the first symmetric one unless given.
    /// - Returns: The token's compact form.
    /// - Throws: The missing part, in words for the operator.
    package static func sign(
        _ claims: Claims,
        auth: GatewayConfiguration.Auth,
        keyID: String? = nil
    ) throws -> String {
        let candidates = auth.keys.filter { $0.algorithm.isSymmetric && (keyID == nil || $0.id == keyID) }
        guard let key = candidates.first else {
            throw KeyLoader.Failure(
                description: keyID.map { "auth.keys has no HS key with id \($0)" }
                    ?? "auth.keys has no HS key; tokens of other keys come from their issuer"
            )
        }
        var signed = TokenSigner.Claims(
            subject: claims.subject,
            now: WallTime.now().seconds,
            timeToLive: claims.secondsToLive
        )
        signed.scans = claims.scans.isEmpty ? nil : claims.scans
        signed.roles = claims.roles
        signed.scope = claims.scope
        signed.rules = auth.claims
        signed.issuer = auth.requiredIssuer
        signed.audience = auth.audience
        return try TokenSigner(key: try KeyLoader.key(key)).sign(signed)
    }

    /// The SHA-256 of an ingest key, as the configuration wants it.
    package static func digest(ofIngestKey secret: String) -> String {
        IngestKey.sha256(of: secret)
    }
}
