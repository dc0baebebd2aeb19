import SluiceBase

@testable import SluiceAdmission

/// Makes tokens of any header and claims, well-formed or not.
enum TokenForge {
    /// The instant at which the tests take place.
    static let now = 1_800_000_000.0
    /// Claims that are accepted at ``now``.
    static let claims = #"{"sub":"alice","exp":1800000600,"iat":1800000000}"#

    static func part(_ text: String) -> String {
        Base64URL.encode(text.utf8)
    }

    /// A token whose signature is right for its text.
    static func token(
        header: String? = nil,
        claims: String = Self.claims,
        algorithm: TokenAlgorithm = .hs256,
        secret: [UInt8] = TestKeys.secret
    ) -> String {
        let header = header ?? "{\"alg\":\"\(algorithm.rawValue)\",\"typ\":\"JWT\"}"
        return self.signed("\(self.part(header)).\(self.part(claims))", algorithm, secret: secret)
    }

    /// A token out of its first two parts.
    static func signed(
        _ text: String,
        _ algorithm: TokenAlgorithm = .hs256,
        secret: [UInt8] = TestKeys.secret
    ) -> String {
        "\(text).\(Base64URL.encode(TestKeys.sign(Array(text.utf8), algorithm, secret: secret)))"
    }
}
