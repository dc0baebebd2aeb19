import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct IdentityAccessTests {
    private func user(
        _ subject: String = "alice",
        admin: Bool = false,
        scans: [String]? = nil,
        ingest: Bool = false
    ) -> Identity {
        let patterns = scans?.map { ScanPattern($0) }
        return Identity(kind: .token, subject: subject, isAdmin: admin, scans: patterns, canIngest: ingest)
    }

    @Test func `a scan may be read by admin, owner, or whose token names it`() {
        #expect(self.user(admin: true).maySubscribe(scan: "s", owner: "bob"))
        #expect(self.user().maySubscribe(scan: "s", owner: "alice"))
        #expect(!self.user().maySubscribe(scan: "s", owner: "Alice"))
        #expect(!self.user().maySubscribe(scan: "s", owner: nil))
        #expect(self.user(scans: ["x", "s*"]).maySubscribe(scan: "s-1", owner: "bob"))
        #expect(!self.user(scans: ["x"]).maySubscribe(scan: "s-1", owner: nil))
        #expect(!self.user(scans: []).maySubscribe(scan: "s-1", owner: nil))
    }

    @Test func `the right to post gives no right to read`() {
        #expect(!self.user(ingest: true).maySubscribe(scan: "s", owner: nil))
    }

    @Test func `posting needs the scope, and a match where the token names scans`() {
        #expect(self.user(ingest: true).mayIngest(scan: "s"))
        #expect(self.user(scans: ["s"], ingest: true).mayIngest(scan: "s"))
        #expect(!self.user(scans: ["t"], ingest: true).mayIngest(scan: "s"))
        #expect(!self.user(scans: ["s"]).mayIngest(scan: "s"))
        #expect(self.user(admin: true).mayIngest(scan: "s"))
    }

    @Test func `a scan may be deleted by admin, owner, or who may post to it`() {
        #expect(self.user(admin: true).mayDelete(scan: "s", owner: nil))
        #expect(self.user().mayDelete(scan: "s", owner: "alice"))
        #expect(self.user(ingest: true).mayDelete(scan: "s", owner: "bob"))
        #expect(!self.user(scans: ["s"]).mayDelete(scan: "s", owner: "bob"))
    }

    @Test func `a key or certificate with a user's name is not that user`() {
        let key = Identity(kind: .ingestKey, subject: "alice", scans: [ScanPattern("t-*")], canIngest: true)
        #expect(!key.maySubscribe(scan: "s", owner: "alice"))
        #expect(!key.maySubscribe(scan: "t-1", owner: nil))
        #expect(!key.mayDelete(scan: "s", owner: "alice"))
        #expect(key.mayIngest(scan: "t-1"))
        let certificate = Identity.clientCertificate(name: "alice")
        #expect(certificate.mayIngest(scan: "s"))
        #expect(!certificate.maySubscribe(scan: "s", owner: "alice"))
        #expect(Set([key.producerName, certificate.producerName, self.user().producerName]).count == 3)
    }

    @Test func `owners whom only Unicode takes for one are two`() {
        #expect(!self.user("\u{E9}").maySubscribe(scan: "s", owner: "e\u{301}"))
    }
}
