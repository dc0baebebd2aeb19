import SluiceBase
import Testing

@testable import SluiceHTTP
@testable import SluiceServer

@Suite struct IssuedCertificateTests {
    /// For the key of ``ACMEAccountKeyTests``, with the number and the issuer's key of RFC 9773 section 4.1.
    static let chain = """
        -----BEGIN CERTIFICATE-----
        MIIBXzCCAQagAwIBAgIFAIdlQyEwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKRXhh
        bXBsZSBDQTAeFw0yNjAxMDEwMDAwMDBaFw0yNjA0MDEwMDAwMDBaMBQxEjAQBgNV
        BAMMCWEuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDCgQkzSHClE
        g4otdckrN+duog2fAIk6O07uijwKr+w+4Etl6SRW2YiLUrN5vfvVHuhp7x8Pxltm
        WWlbbM4IFyOjRDBCMB8GA1UdEQQYMBaCCWEuZXhhbXBsZYIJQi5leGFtcGxlMB8G
        A1UdIwQYMBaAFGmIW2uHRkBB4bN7hHugrizeAcjUMAoGCCqGSM49BAMCA0cAMEQC
        IH4qUJrJEs3B812pO65EwKqMyDe0XM7PdJmZnaWmeWtIAiByfh6RVdEbKZVF/Zb9
        U4XCGJ81NkA/UoFG8+lTlLAkXw==
        -----END CERTIFICATE-----

        """
    /// 2026-04-01.
    private static let end = 1_775_001_600.0

    private static func certificate() throws -> IssuedCertificate {
        try IssuedCertificate(chain: Array(Self.chain.utf8), keyPEM: ACMEAccountKeyTests.pem)
    }

    @Test func `it is what the authority calls it, and for its names and time`() throws {
        let certificate = try Self.certificate()
        #expect(certificate.id == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
        #expect(certificate.names == ["a.example", "b.example"])
        #expect(certificate.validity == .init(beginsAt: 1_767_225_600, endsAt: Self.end))
        #expect(certificate.isGood(for: ["b.example"], time: Self.end - 1))
        #expect(!certificate.isGood(for: ["b.example"], time: Self.end))
        #expect(!certificate.isGood(for: ["a.example", "c.example"], time: Self.end - 1))
        #expect(try IssuedCertificate(pem: certificate.pem).id == certificate.id)
    }

    @Test func `one of another key, or none, is refused`() throws {
        #expect(throws: ACMEFailure.self) {
            try IssuedCertificate(chain: Array(Self.chain.utf8), keyPEM: CertificateRequest.makeKey())
        }
        #expect(throws: ACMEFailure.self) {
            try IssuedCertificate(chain: Array("{}".utf8), keyPEM: ACMEAccountKeyTests.pem)
        }
        let pem = try Self.certificate().pem
        #expect(throws: ACMEFailure.self) { try IssuedCertificate(pem: String(pem.prefix(pem.count / 2))) }
    }

    @Test func `a challenge's certificate has the name and the proof`() throws {
        let key = try ACMEAccountKey(pem: ACMEAccountKeyTests.pem)
        let certificate: [UInt8] = try CertificateRequest.challenge(
            for: "a.example",
            authorization: key.authorization(of: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"),
            time: 1_767_225_600
        )
        // The name, as an alternative one.
        #expect(Hexadecimal.text(certificate).contains("0603551d11040d300b8209612e6578616d706c65"))
        // RFC 8737 section 3: the extension's number, critical, and the SHA-256 as an octet string.
        let digest = "d5f092d6587a58bb8159bbe499d121772984bd347c32e23add7aa545595e33d4"
        let expected = "06082b0601050507011f0101ff04220420" + digest
        #expect(Hexadecimal.text(certificate).contains(expected))
    }

    @Test func `a request names all names`() throws {
        let request = try CertificateRequest.make(
            for: ["a.example", "b.example"],
            keyPEM: ACMEAccountKeyTests.pem
        )
        // The extension request (RFC 2985 section 5.4.2) with subjectAltName, and two DNS names.
        let text = Hexadecimal.text(request)
        #expect(text.contains("06092a864886f70d01090e"))
        #expect(text.contains("0603551d1104183016" + "8209612e6578616d706c65" + "8209622e6578616d706c65"))
    }
}
