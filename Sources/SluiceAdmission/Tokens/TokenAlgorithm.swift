/// The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that the gateway knows.
///
/// `none` is not among them, so that no code path can ask for it.
package enum TokenAlgorithm: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// Whether one secret both signs and verifies, so that it comes from a secret file and not from a public key.
    package var isSymmetric: Bool {
        switch self {
        case .hs256, .hs384, .hs512:
            true
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA:
            false
        }
    }
}
