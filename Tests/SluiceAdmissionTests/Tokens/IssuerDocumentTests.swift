import Testing

@testable import SluiceAdmission

@Suite struct IssuerDocumentTests {
    private static let issuer = "https://idp.example/realms/a"

    private func read(_ text: String) throws(KeyError) -> IssuerDocument {
        try IssuerDocument(Array(text.utf8), issuer: Self.issuer)
    }

    @Test func `a document says where the keys of its issuer are`() throws {
        let document = try self.read(
            #"""
            {"issuer":"https://idp.example/realms/a","authorization_endpoint":"https://idp.example/auth",
            "jwks_uri":"https://keys.example/set","response_types_supported":["code"],"claims_supported":null}
            """#
        )
        #expect(document.keySetAddress == "https://keys.example/set")
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"issuer":"https://idp.example/realms/a"}"#, #"{"jwks_uri":"https://a"}"#,
        #"{"issuer":"https://idp.example/realms/a/","jwks_uri":"https://a"}"#,
        #"{"issuer":"https://idp.example/realms/b","jwks_uri":"https://a"}"#,
        #"{"issuer":"https://IDP.example/realms/a","jwks_uri":"https://a"}"#,
        #"{"issuer":["https://idp.example/realms/a"],"jwks_uri":"https://a"}"#,
        #"{"issuer":"x","issuer":"https://idp.example/realms/a","jwks_uri":"https://a"}"#,
        #"{"issuer":"https://idp.example/realms/a","jwks_uri":7}"#,
        #"{"issuer":"https://idp.example/realms/a","jwks_uri":null}"#,
    ])
    func `another issuer's, or one without keys, is refused`(text: String) {
        #expect(throws: KeyError.self) { try self.read(text) }
    }

    @Test(arguments: [
        ("https://a.example", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/b/c", "https://a.example/b/c/.well-known/openid-configuration"),
    ])
    func `it stands at a fixed place below the issuer`(issuer: String, address: String) {
        #expect(IssuerDocument.address(of: issuer) == address)
    }
}
