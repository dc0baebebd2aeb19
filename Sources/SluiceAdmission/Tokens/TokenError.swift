/// Why a token is not accepted.
///
/// A client gets ``code`` and nothing more, so that all refusals look alike; ``reason`` is for debug logs and metrics,
/// and holds nothing of the token.
package struct TokenError: Error, Sendable, Hashable {
    /// The first fault found.
    package enum Reason: String, Sendable, CaseIterable {
        /// Longer than ``TokenVerifier/maximumBytes``.
        case tooLong = "too_long"
        /// Not three parts of base64url, or a header or claims that are no strict JSON object.
        case malformed
        /// A header that is not allowed: `crit`, `b64`, a foreign `typ`, or one of the wrong type.
        case header
        /// An `alg` that is not the algorithm of a key that may verify this token; `none` among them.
        case algorithm
        /// A `kid` that names no key: the one refusal that fresh keys could mend.
        case unknownKey = "unknown_key"
        /// The signature is not the key's.
        case signature
        /// A claim that is missing where it is required, or of the wrong type.
        case claims
        /// `exp` and the leeway have passed.
        case expired
        /// `nbf` or `iat` lies in the future by more than the leeway.
        case notYetValid = "not_yet_valid"
        /// `iss` is not the configured one.
        case issuer
        /// `aud` does not hold the configured one.
        case audience
        /// The token was revoked.
        case revoked
        /// A ticket that never was, is used up, or is too old.
        case ticket
    }

    /// The error code that every refusal shows outside (RFC 6750 section 3.1).
    package static let code = "invalid_token"

    /// A claim that makes a token invalid.
    ///
    /// Its name is the gateway's own word for it, nothing that the token brought.
    package struct Claim: Sendable, Hashable {
        /// As the token should have it.
        package let name: String
        /// The fault, in words that can follow its name.
        package let fault: String
    }

    /// The first fault found.
    ///
    /// Not for the client.
    package let reason: Reason
    /// Which claim it was, where the reason is `claims`.
    ///
    /// Not for the client but for the issuer's operator, who alone can fix it. Only a token with a valid signature gets
    /// this far.
    package let claim: Claim?

    package init(_ reason: Reason, claim: Claim? = nil) {
        self.reason = reason
        self.claim = claim
    }

    /// Whether a key that is missing would make the token a good one, perhaps.
    package var isOfMissingKey: Bool {
        switch self.reason {
        case .unknownKey, .algorithm, .signature: true
        case .tooLong, .malformed, .header, .claims, .expired, .notYetValid, .issuer, .audience, .revoked, .ticket:
            false
        }
    }

    /// Whether it may help to fetch the keys once more and to try again.
    package var isUnknownKey: Bool { self.reason == .unknownKey }
}
