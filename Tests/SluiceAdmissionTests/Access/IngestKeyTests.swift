import Crypto
import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct IngestKeyTests {
    @Test func `the digest is the usual one`() {
        #expect(
            IngestKey.sha256(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
    }

    @Test func `a key is found among many`() throws {
        let keys = try (0..<20).map { number in
            let digest = Array(SHA256.hash(data: Array("secret \(number)".utf8)))
            return try IngestKey(name: "key \(number)", sha256: digest, scans: nil)
        }
        for number in 0..<20 {
            let digest = SHA256.hash(data: Array("secret \(number)".utf8))
            #expect(IngestKey.identity(for: digest, among: keys)?.subject == "key \(number)")
        }
        #expect(IngestKey.identity(for: SHA256.hash(data: Array("secret".utf8)), among: keys) == nil)
    }

    @Test(arguments: [0, 31, 33, 64])
    func `what is no digest is refused`(count: Int) {
        #expect(throws: KeyError.self) {
            try IngestKey(name: "x", sha256: [UInt8](repeating: 7, count: count), scans: nil)
        }
    }
}
