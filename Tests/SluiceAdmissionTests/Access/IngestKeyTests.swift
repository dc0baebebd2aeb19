import Crypto
import Testing

@testable import SluiceAdmission

@Suite struct IngestKeyTests {
    @Test func `the digest is the usual one`() {
        #expect(
            IngestKey.sha256(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
    }

    @Test func `a key is found among many, in either case of its digits`() throws {
        let keys = try (0..<20).map { number in
            let digits = IngestKey.sha256(of: "secret \(number)")
            return try IngestKey(
                name: "key \(number)",
                sha256: number % 2 == 0 ? digits : digits.uppercased(),
                scans: nil
            )
        }
        for number in 0..<20 {
            let digest = SHA256.hash(data: Array("secret \(number)".utf8))
            #expect(IngestKey.identity(for: digest, among: keys)?.subject == "key \(number)")
        }
        #expect(IngestKey.identity(for: SHA256.hash(data: Array("secret".utf8)), among: keys) == nil)
    }

    @Test(arguments: [
        "", "abc", String(repeating: "g", count: 64), String(repeating: "0", count: 63) + "é",
        String(repeating: "0", count: 66),
    ])
    func `what is no digest is refused`(text: String) {
        #expect(throws: KeyError.self) { try IngestKey(name: "x", sha256: text, scans: nil) }
    }
}
