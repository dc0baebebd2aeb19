import NIOCore
import NIOEmbedded
import SluiceAdmission
import SluiceBase
import SluiceHTTP
import SluiceRelay
import TestSupport
import Testing

@testable import SluiceServer

/// A producer whose requests are all alike is let in by what its first one was: until that no longer holds.
@Suite struct KnownProducerTests {
    private static let message = #"{"type":"t"}"#

    private static func request(_ token: String, _ body: String = Self.message, length: Int? = nil) -> String {
        "POST /api/scans/s/progress HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(length ?? body.utf8.count)\r\n\r\n" + body
    }

    private static func statuses(_ connection: TestGateway.Connection, _ requests: String...) throws -> [Int] {
        try connection.send(requests.joined())
        return HTTPTestConnection.statuses(in: try connection.received())
    }

    @Test func `requests that come in one go are answered in order, and numbered in it`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        try connection.send(request + request + request)
        let answers = try connection.received()
        #expect(HTTPTestConnection.statuses(in: answers) == [202, 202, 202])
        let bodies = answers.parts(between: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != "}" } }
        #expect(
            bodies == (1...3).map { #"{"scanId":"s","accepted":1,"firstSeq":\#($0),"lastSeq":\#($0)"# }
        )
    }

    @Test func `a revoked token is refused on the connection on which it was good`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        #expect(try Self.statuses(connection, request, request, request) == [202, 202, 202])
        #expect(
            gateway.services.authenticator.revoke(.subject("a", issuedBefore: .infinity), now: WallTime.now().seconds)
        )
        #expect(try Self.statuses(connection, request) == [401])
    }

    @Test func `a token that is revoked while its document arrives is refused`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        #expect(try Self.statuses(connection, request, request) == [202, 202])
        #expect(try Self.statuses(connection, String(request.dropLast(3))) == [])
        #expect(
            gateway.services.authenticator.revoke(.subject("a", issuedBefore: .infinity), now: WallTime.now().seconds)
        )
        #expect(try Self.statuses(connection, String(request.suffix(3))) == [401])
    }

    @Test func `new rules and limits hold from the next request on`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        #expect(try Self.statuses(connection, request, request) == [202, 202])
        var configuration = gateway.services.settings.configuration
        configuration.limits.maxMessageBytes = Self.message.utf8.count - 1
        gateway.services.replace(GatewaySettings(configuration))
        #expect(try Self.statuses(connection, request, request) == [413, 413])
    }

    @Test func `new rules that come while a document arrives hold for it`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        #expect(try Self.statuses(connection, request, request) == [202, 202])
        #expect(try Self.statuses(connection, String(request.dropLast(3))) == [])
        var configuration = gateway.services.settings.configuration
        configuration.limits.maxMessageBytes = Self.message.utf8.count - 1
        gateway.services.replace(GatewaySettings(configuration))
        #expect(try Self.statuses(connection, String(request.suffix(3))) == [413])
    }

    @Test func `a bad token between two good ones is refused, and leaves nothing behind`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let token = try gateway.token()
        let good = Self.request(token)
        let bad = Self.request(String(token.dropLast(4)) + "AAAA")
        #expect(
            try Self.statuses(connection, good, bad, good, good, bad, bad, good) == [202, 401, 202, 202, 401, 401, 202]
        )
    }

    @Test func `a repeated key has the first answer again`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
            .replacing("Host: a", with: "Host: a\r\nIdempotency-Key: k")
        try connection.send(request + request + request)
        let answers = try connection.received()
        #expect(HTTPTestConnection.statuses(in: answers) == [202, 202, 202])
        #expect(answers.parts(between: "Idempotent-Replayed: true").count == 3)
        #expect(answers.parts(between: #""firstSeq":1,"lastSeq":1}"#).count == 4)
    }

    @Test func `a faulty document costs one, and so does one that is broken off`() throws {
        let gateway = try TestGateway { $0.limits.ingest = .init(rate: 0.001, burst: 5) }
        let token = try gateway.token()
        let good = Self.request(token)
        let faulty = Self.request(token, #"{"tope":"t"}"#)
        let connection = try gateway.connect()
        #expect(try Self.statuses(connection, good, faulty, good, faulty) == [202, 400, 202, 400])
        try connection.send(String(good.dropLast(3)))
        connection.channel.close(promise: nil)
        gateway.loop.run()
        #expect(try Self.statuses(try gateway.connect(), good) == [429])
    }

    @Test func `a document that is too long to be taken at once is taken in slices`() throws {
        let gateway = try TestGateway()
        let connection = try gateway.connect()
        let token = try gateway.token()
        #expect(try Self.statuses(connection, Self.request(token, length: 12)) == [202])
        let body = "[" + Array(repeating: Self.message, count: 6000).joined(separator: ",") + "]"
        try connection.send(Self.request(token, body))
        gateway.loop.advanceTime(by: .seconds(1))
        let answer = try connection.received()
        #expect(answer.hasSuffix(#""accepted":6000,"firstSeq":2,"lastSeq":6001}"#))
    }

    @Test func `an answer that waits for the store is given when that has decided`() throws {
        let store = HeldStore()
        let gateway = try TestGateway(store: store)
        let connection = try gateway.connect()
        let request = Self.request(try gateway.token())
        for isStored in [true, true, false] {
            #expect(try Self.statuses(connection, request) == [])
            store.settle(isStored: isStored)
            gateway.loop.run()
            #expect(HTTPTestConnection.statuses(in: try connection.received()) == [isStored ? 202 : 503])
        }
    }
}
