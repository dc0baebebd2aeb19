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
}
