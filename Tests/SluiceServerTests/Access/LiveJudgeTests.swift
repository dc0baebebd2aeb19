import NIOCore
import NIOEmbedded
import SluiceAdmission
import SluiceBase
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("Live connections are judged again")
struct LiveJudgeTests {
    private final class Connection: LiveConnection {
        let identity: Identity
        let arrival: Arrival
        let age = TimeAmount.zero
        let certificate: ClientCertificate?
        let blockedSince: NIODeadline? = nil
        let eventLoop: any EventLoop
        var leeway: Double?
        var closings: [Closing] = []

        init(
            _ identity: Identity,
            arrival: Arrival = Arrival(),
            certificate: ClientCertificate? = nil,
            on eventLoop: any EventLoop = EmbeddedEventLoop()
        ) {
            self.identity = identity
            self.arrival = arrival
            self.certificate = certificate
            self.eventLoop = eventLoop
        }

        func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
            self.eventLoop.makeFailedFuture(ChannelError.eof)
        }

        func reconsider(as identity: Identity) {}

        func goOn(as identity: Identity, leeway: Double) -> Bool {
            self.leeway = leeway
            return true
        }

        func close(_ closing: Closing) {
            self.closings.append(closing)
        }
    }

    private static let secret = "a scanner's secret"

    private func authenticator(_ names: [String], leeway: Double = 30) throws -> Authenticator {
        let digest = Hexadecimal.bytes(TokenMint.digest(ofIngestKey: Self.secret)) ?? []
        return Authenticator(
            verifier: TokenVerifier(keys: [], leeway: leeway),
            ingestKeys: try names.map { try IngestKey(name: $0, sha256: digest, scans: nil) }
        )
    }

    private func judge(
        _ authenticator: Authenticator,
        origins: [String] = [],
        auth: GatewayConfiguration.Auth = .init(),
        authorities: ClientAuthorities? = nil
    ) throws -> LiveJudge {
        LiveJudge(
            credentials: authenticator.judge,
            origins: OriginPolicy(try origins.map { text throws(WebOrigin.Fault) in try WebOrigin(text) }),
            auth: auth,
            authorities: authorities,
            closing: .notAdmitted,
            now: 1_800_000_000
        )
    }

    @Test("A key that is gone ends its connections, one that is there does not")
    func ingestKey() throws {
        let before = try self.authenticator(["nmap"])
        let connection = Connection(try before.authenticate(bearer: Self.secret, now: 1_800_000_000))
        #expect(try self.judge(self.authenticator(["nmap"], leeway: 7)).apply(to: connection))
        #expect(connection.leeway == 7 && connection.closings.isEmpty)
        #expect(try !self.judge(self.authenticator([])).apply(to: connection))
        #expect(connection.closings == [.notAdmitted])
    }

    @Test("A page whose origin is no longer listed is parted with")
    func page() throws {
        let authenticator = try self.authenticator([])
        let connection = Connection(
            Identity(kind: .token, subject: "a"),
            arrival: Arrival(page: try WebOrigin("https://a.example"))
        )
        #expect(try self.judge(authenticator, origins: ["https://a.example"]).apply(to: connection))
        #expect(try !self.judge(authenticator, origins: ["https://b.example"]).apply(to: connection))
        #expect(connection.closings == [.notAdmitted])
    }

    @Test("Where a credential stood it has to be allowed still, and under the same name")
    func carrier() throws {
        let authenticator = try self.authenticator([])
        var auth = GatewayConfiguration.Auth()
        auth.cookie = "session"
        let carriers: [Arrival.Carrier] = [.field, .query, .cookie("session")]
        func staying() throws -> [Arrival.Carrier] {
            try carriers.filter { carrier in
                let connection = Connection(Identity(kind: .token, subject: "a"), arrival: Arrival(carrier: carrier))
                return try self.judge(authenticator, auth: auth).apply(to: connection)
            }
        }
        #expect(try staying() == carriers)
        auth.queryToken = false
        #expect(try staying() == [.field, .cookie("session")])
        auth.cookie = "other"
        #expect(try staying() == [.field])
    }

    @Test("A client certificate counts as long as its authority is there")
    func certificate() throws {
        let authorities = try [PEMText.certificate, PEMText.otherCertificate]
            .map { text throws(ConfigurationProblem) in try PEMFile.certificates(Array(text.utf8)) }
        let (first, second) = (ClientAuthorities(authorities[0]), ClientAuthorities(authorities[1]))
        let both = ClientAuthorities(authorities[0] + authorities[1])
        // Signed by itself, so by the first authority.
        let certificate = ClientCertificate(authorities[0][0], authorities: first)
        let authenticator = try self.authenticator([])
        let connection = Connection(.clientCertificate(name: "scanner"), certificate: certificate)
        #expect(try self.judge(authenticator, authorities: first).apply(to: connection))
        #expect(try self.judge(authenticator, authorities: both).apply(to: connection))
        #expect(try !self.judge(authenticator, authorities: second).apply(to: connection))
        #expect(try !self.judge(authenticator, authorities: nil).apply(to: connection))
        // Verified under both, of which its own stays.
        let ofBoth = ClientCertificate(authorities[0][0], authorities: both)
        #expect(ofBoth.isAdmitted(by: first) && !ofBoth.isAdmitted(by: second))
    }

    @Test("Each is judged once, however many there are, and those that end are counted")
    func registry() throws {
        let loops = [EmbeddedEventLoop(), EmbeddedEventLoop()]
        let registry = ConnectionRegistry(eventLoops: loops)
        let before = try self.authenticator(["nmap"])
        let scanner = try before.authenticate(bearer: Self.secret, now: 1_800_000_000)
        let reader = Identity(kind: .token, subject: "a")
        var all: [Connection] = []
        for number in 0..<2400 {
            let connection = Connection(number % 3 == 0 ? scanner : reader, on: loops[number % 2])
            all.append(connection)
            registry.insert(connection, id: registry.makeID(), on: loops[number % 2])
        }
        let ended = registry.judge(by: try self.judge(self.authenticator([])), on: loops[0])
        // Some in each turn, so that other work comes in between.
        for _ in 0..<20 {
            loops.forEach { $0.advanceTime(by: .microseconds(50)) }
        }
        #expect(try ended.wait() == 800)
        #expect(all.count { $0.closings == [.notAdmitted] } == 800)
        #expect(all.count { $0.closings.isEmpty && $0.leeway == 30 } == 1600)
    }
}
