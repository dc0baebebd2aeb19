import Foundation
import SluiceBase
import Testing

@testable import SluiceServer

@Suite final class ACMEFolderTests {
    private let path = NSTemporaryDirectory() + "sluice-acme-" + UUID().uuidString

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private static func certificate() throws -> IssuedCertificate {
        try IssuedCertificate(chain: Array(IssuedCertificateTests.chain.utf8), keyPEM: ACMEAccountKeyTests.pem)
    }

    @Test func `what it keeps comes back, and is the gateway's alone`() throws {
        let folder = ACMEFolder(self.path, directory: "https://ca.example:14000/dir")
        #expect(try folder.certificate() == nil)
        let key = try folder.accountKey()
        #expect(try folder.accountKey().pem == key.pem)
        let certificate = try Self.certificate()
        try folder.save(certificate)
        // Over the old one.
        try folder.save(certificate)
        #expect(try folder.certificate()?.pem == certificate.pem)
        #expect(try self.mode(self.path) == 0o700 && self.mode(folder.path) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["account.key", "certificate.pem"])
        for name in names {
            #expect(try self.mode("\(folder.path)/\(name)") == 0o600)
        }
    }

    @Test func `each authority has its own`() {
        let places = [
            "https://ca.example/dir", "https://ca.example/trial", "https://ca.example:1/dir", "https://b/dir",
        ]
        .map { ACMEFolder("/x", directory: $0).path }
        #expect(Set(places).count == 4)
        #expect(places[0].hasPrefix("/x/ca.example-") && places[2].hasPrefix("/x/ca.example-1-"))
        #expect(ACMEFolder("/x", directory: "https://../../etc/").path.split(separator: "/").count == 2)
    }

    @Test func `what a crash left half written is not in the way`() throws {
        let folder = ACMEFolder(self.path, directory: "https://ca.example/dir")
        _ = try folder.accountKey()
        let place = folder.certificatePath + ".new"
        try "half".write(toFile: place, atomically: false, encoding: .utf8)
        #expect(try folder.certificate() == nil)
        try folder.save(try Self.certificate())
        #expect(try folder.certificate() != nil)
        #expect(!FileManager.default.fileExists(atPath: place))
    }

    @Test func `what is damaged is told, and never replaced by an account of another key`() throws {
        let folder = ACMEFolder(self.path, directory: "https://ca.example/dir")
        _ = try folder.accountKey()
        try "nothing".write(toFile: folder.path + "/account.key", atomically: false, encoding: .utf8)
        try "nothing".write(toFile: folder.certificatePath, atomically: false, encoding: .utf8)
        #expect(throws: ACMEFailure.self) { try folder.accountKey() }
        #expect(throws: ACMEFailure.self) { try folder.certificate() }
    }

    @Test func `a file in its place is a failure`() throws {
        try "x".write(toFile: self.path, atomically: false, encoding: .utf8)
        #expect(throws: ACMEFailure("\(self.path): the folder cannot be made")) {
            try ACMEFolder(self.path, directory: "https://ca.example/dir").accountKey()
        }
    }
}
