import SluiceBase
import Testing

@testable import SluiceAdmission
@testable import SluiceServer

@Suite struct ACMEAccountKeyTests {
    /// The key of RFC 7517 appendix A.2.
    static let pem = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg870MB6gfuTJ4HtUn
        UvYMyJpr5eUZNP4Bk43bVdj3eAGhRANCAAQwoEJM0hwpRIOKLXXJKzfnbqINnwCJ
        OjtO7oo8Cq/sPuBLZekkVtmIi1Kzeb371R7oae8fD8ZbZllpW2zOCBcj
        -----END PRIVATE KEY-----

        """

    @Test func `its fingerprint is that of RFC 7638`() throws {
        let key = try ACMEAccountKey(pem: Self.pem)
        #expect(key.thumbprint == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s")
        #expect(key.authorization(of: "token") == "token.cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s")
        #expect(try ACMEAccountKey(pem: key.pem).thumbprint == key.thumbprint)
        #expect(ACMEAccountKey().thumbprint != ACMEAccountKey().thumbprint)
    }

    @Test func `requests are signed for one address, once, by key or account`() throws {
        let key = try ACMEAccountKey(pem: Self.pem)
        let verifier = try VerificationKey(id: "", algorithm: .es256, publicKeyPEM: Self.publicPEM)
        let jwk = JSONNode.Value.string("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4")
        for (account, payload) in [(nil, #"{"a":1}"#), ("https://ca.example/acct/1", "")] {
            let body = try key.sign(Array(payload.utf8), for: "https://ca.example/x", nonce: "n-1", account: account)
            let object = try JSONReader.object(body, .tolerant())
            #expect(object.members.map(\.name) == ["protected", "payload", "signature"])
            let head = try #require(object["protected"]?.string)
            let text = try #require(object["payload"]?.string)
            let signature = try #require(Base64URL.decode(Array((object["signature"]?.string ?? "").utf8)))
            #expect(signature.count == 64)
            #expect(verifier.isValid(signature, for: Array("\(head).\(text)".utf8)))
            #expect(!verifier.isValid(signature, for: Array("\(head).\(text)x".utf8)))
            #expect(Base64URL.decode(text.utf8) == Array(payload.utf8))
            let header = try JSONReader.object(try #require(Base64URL.decode(head.utf8)), .tolerant())
            #expect(header["alg"]?.string == "ES256" && header["nonce"]?.string == "n-1")
            #expect(header["url"]?.string == "https://ca.example/x" && header["kid"]?.string == account)
            // RFC 8555 section 6.2: one of the two, never both.
            #expect(header["jwk"]?["x"]?.value == (account == nil ? jwk : nil))
        }
    }

    private static let publicPEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A
        iTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==
        -----END PUBLIC KEY-----
        """
}
