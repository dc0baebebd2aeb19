import Testing

@testable import SluiceAdmission

/// A token that must be refused, and the fault to find.
struct TokenAttack: CustomTestStringConvertible {
    let name: String
    let token: String
    let reason: TokenError.Reason

    init(_ name: String, _ reason: TokenError.Reason, _ token: String) {
        self.name = name
        self.token = token
        self.reason = reason
    }

    var testDescription: String { self.name }

    /// A header that claims something, under a signature that is right.
    init(header: String, _ reason: TokenError.Reason) {
        self.init("header \(header.prefix(80))", reason, TokenForge.token(header: header))
    }

    /// Claims under a signature that is right.
    init(claims: String, _ reason: TokenError.Reason) {
        self.init("claims \(claims.prefix(80))", reason, TokenForge.token(claims: claims))
    }
}
