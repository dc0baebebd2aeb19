import Foundation
import Testing

@testable import SluiceClient

@Suite struct TokenExpiryTests {
    private func token(_ claims: String) -> String {
        let text = Data(claims.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        return "x.\(text.replacing("=", with: "")).y"
    }

    @Test("a token's end is read whatever its claims' length", arguments: ["", "a", "ab", "abc", "?>?>ÿ"])
    func time(subject: String) {
        #expect(TokenExpiry.time(of: self.token(#"{"sub":"\#(subject)","exp":1000.5}"#)) == 1000.5)
    }

    @Test(
        "what is no token with an end has none",
        arguments: ["", "key", "a.b.c", "a.e30.c", "a.bnVsbA.c", "..", "a.b", "a.b.c.d", "x.eyJleHAiOiJzb29uIn0.y"]
    )
    func none(text: String) {
        #expect(TokenExpiry.time(of: text) == nil)
        #expect(TokenExpiry.warning(of: text, isRenewable: false, now: 0) == nil)
    }

    @Test(
        "its end is told in words while it matters",
        arguments: [
            ("1000", 940.0, "the token expires in 60 s, and"), ("8000", 0, "the token expires in 2 h, and"),
            ("7199.9", 0, "the token expires in 119 min, and"), ("86399", 0, "the token expires in 23 h, and"),
            ("0", 1, "the token expired 1 s ago"), ("0", 1e9, "the token expired 11574 days ago"),
            ("-1e300", 0, "the token expired 106751991167300 days ago"),
        ]
    )
    func words(exp: String, now: Double, words: String) throws {
        let token = self.token(#"{"exp":\#(exp)}"#)
        let warning = try #require(TokenExpiry.warning(of: token, isRenewable: false, now: now))
        #expect(warning.hasPrefix(words))
    }

    @Test("a token with time enough, or one that is renewed, is not spoken of", arguments: ["86401", "1e300", "1e999"])
    func silence(exp: String) {
        #expect(TokenExpiry.warning(of: self.token(#"{"exp":\#(exp)}"#), isRenewable: false, now: 0) == nil)
        let short = self.token(#"{"exp":60}"#)
        #expect(TokenExpiry.warning(of: short, isRenewable: true, now: 0) == nil)
        #expect(TokenExpiry.warning(of: short, isRenewable: true, now: 61) != nil)
    }
}
