import SluiceBase

/// The header of a token, as far as it is believed before the signature is checked (RFC 7515 section 4).
///
/// Only `alg` and `kid` are used, and only to choose among the configured keys. `jku`, `jwk`, `x5u` and `x5c` are
/// never looked at: a token cannot bring its own key.
struct TokenHeader: Sendable, Hashable {
    /// A header may hold a `jwk` with an `x5c` in it, and nothing deeper.
    private static let rules = JSONReader.Rules.strict(maximumDepth: 4, maximumMemberCount: 32)

    let algorithm: TokenAlgorithm
    let keyID: String?

    /// Reads a header.
    ///
    /// - Parameter bytes: The decoded first part of a token.
    /// - Throws: ``TokenError`` with `malformed`, `header` or `algorithm`.
    init(_ bytes: [UInt8]) throws(TokenError) {
        let header: JSONNode
        do {
            header = try JSONReader.object(bytes, Self.rules)
        } catch {
            throw TokenError(.malformed)
        }
        // RFC 7515 section 4.1.11: an extension that is not understood makes the token invalid, and none is here.
        // RFC 7797 needs `crit` beside `b64`; a `b64` alone is an attempt.
        guard header["crit"] == nil, header["b64"] == nil else {
            throw TokenError(.header)
        }
        if let type = header["typ"] {
            guard let name = type.string, Self.isTokenType(name) else {
                throw TokenError(.header)
            }
        }
        guard let algorithm = header["alg"]?.string.flatMap(TokenAlgorithm.init(rawValue:)) else {
            throw TokenError(.algorithm)
        }
        self.algorithm = algorithm
        switch header["kid"]?.value {
        case .none:
            self.keyID = nil
        case .string(let keyID):
            self.keyID = keyID
        case .null, .bool, .number, .array, .object:
            throw TokenError(.header)
        }
    }

    /// RFC 8725 section 3.11 and RFC 9068 section 2.1: other kinds of signed JSON are no access tokens.
    private static func isTokenType(_ name: String) -> Bool {
        switch name.lowercased() {
        case "jwt", "application/jwt", "at+jwt", "application/at+jwt":
            true
        default:
            false
        }
    }
}
