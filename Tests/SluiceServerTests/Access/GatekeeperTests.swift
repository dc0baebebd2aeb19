import NIOCore
import NIOEmbedded
import SluiceBase
import Testing

@testable import SluiceServer

@Suite("Credentials that others are asked about")
struct GatekeeperTests {
    private func status(_ gateway: TestGateway, ticket: String) throws -> String {
        let connection = try gateway.connect()
        try connection.send("GET /api/scans/none?ticket=\(ticket) HTTP/1.1\r\nHost: a\r\n\r\n")
        return String(try connection.received().dropFirst("HTTP/1.1 ".count).prefix(3))
    }

    @Test("An address whose bad tickets are refused unseen has no more of them looked up")
    func badTickets() throws {
        let peers = TicketPeers()
        let gateway = try TestGateway(engine: peers) { $0.limits.handshakes.burst = 4 }
        let statuses = try (0..<30).map { _ in try self.status(gateway, ticket: RandomText.make(byteCount: 32)) }
        #expect(statuses == Array(repeating: "401", count: 20) + Array(repeating: "429", count: 10))
        #expect(peers.askedCount == 20)
        // What can be no ticket is not looked up at all.
        #expect(try self.status(gateway, ticket: "x") == "429")
        #expect(peers.askedCount == 20)
    }

    @Test("A ticket is looked up, and good once")
    func goodTicket() throws {
        let peers = TicketPeers()
        let gateway = try TestGateway(engine: peers)
        let connection = try gateway.connect()
        try connection.begin("POST /api/tickets", "Content-Length: 0")
        let answer = try connection.received()
        let ticket = try #require(answer.split(separator: #""ticket":""#).last?.split(separator: "\"").first)
        #expect(try self.status(gateway, ticket: String(ticket)) == "404")
        #expect(try self.status(gateway, ticket: String(ticket)) == "401")
        #expect(peers.askedCount == 2)
    }

    private func ticket(_ gateway: TestGateway, _ body: String = "") throws -> String {
        let connection = try gateway.connect()
        try connection.begin("POST /api/tickets", "Content-Length: \(body.utf8.count)")
        try connection.send(body)
        let answer = try connection.received()
        return String(try #require(answer.split(separator: #""ticket":""#).last?.split(separator: "\"").first))
    }

    private func trade(_ gateway: TestGateway, _ ticket: String) throws -> String {
        let body = #"{"ticket":"\#(ticket)"}"#
        let connection = try gateway.connect()
        try connection.send(
            "POST /api/tickets/redeem HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        return String(try connection.received().dropFirst("HTTP/1.1 ".count).prefix(3))
    }

    @Test("A ticket of one kind is not even looked up as one of the other, and stays good")
    func otherKind() throws {
        let peers = TicketPeers()
        let gateway = try TestGateway(engine: peers)
        let plain = try self.ticket(gateway)
        let signIn = try self.ticket(gateway, #"{"use":"sign_in"}"#)
        #expect(signIn.hasPrefix("signin_") && !plain.hasPrefix("signin_"))
        for ticket in [plain, "signin_\(plain)", String(signIn.dropFirst("signin_".count)), "x"] {
            #expect(try self.trade(gateway, ticket) == "401")
        }
        // Of these only the second could be one, and there is none of this name.
        #expect(peers.askedCount == 1)
        #expect(try self.status(gateway, ticket: signIn) == "401")
        #expect(peers.askedCount == 1)
        #expect(try self.trade(gateway, signIn) == "200")
        #expect(try self.trade(gateway, signIn) == "401")
        #expect(try self.status(gateway, ticket: plain) == "404")
    }

    @Test("An address whose bad tickets are refused unseen has no more of them looked up for signing in")
    func badSignIns() throws {
        let peers = TicketPeers()
        let gateway = try TestGateway(engine: peers) { $0.limits.handshakes.burst = 4 }
        let good = try self.ticket(gateway, #"{"use":"sign_in"}"#)
        let statuses = try (0..<30)
            .map { _ in try self.trade(gateway, "signin_\(RandomText.make(byteCount: 32))") }
        #expect(statuses == Array(repeating: "401", count: 20) + Array(repeating: "429", count: 10))
        #expect(peers.askedCount == 20)
        #expect(try self.trade(gateway, good) == "429")
        #expect(peers.askedCount == 20)
        // Where nobody else has to be asked, a good one is still good.
        let alone = try TestGateway { $0.limits.handshakes.burst = 4 }
        let own = try self.ticket(alone, #"{"use":"sign_in"}"#)
        for _ in 0..<30 {
            _ = try self.trade(alone, "signin_\(RandomText.make(byteCount: 32))")
        }
        #expect(try self.trade(alone, own) == "200")
    }

    @Test("A ticket whose user has no requests left is not used up")
    func spent() throws {
        let gateway = try TestGateway { $0.limits.requests = .init(rate: 1, burst: 2) }
        let ticket = try self.ticket(gateway, #"{"use":"sign_in"}"#)
        _ = try self.ticket(gateway)
        #expect(try self.trade(gateway, ticket) == "429")
        gateway.loop.advanceTime(by: .seconds(2))
        #expect(try self.trade(gateway, ticket) == "200")
        #expect(try self.trade(gateway, ticket) == "401")
    }
}
