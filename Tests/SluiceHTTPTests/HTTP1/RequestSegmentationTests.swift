import NIOCore
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct RequestSegmentationTests {
    /// Requests of every framing, one behind the other.
    static let traffic =
        "GET /ok?a=b HTTP/1.1\r\nHost: a\r\n\r\n"
        + "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n[1,2]"
        + "\r\nPOST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n[1\r\n1\r\n]\r\n0\r\nT: u\r\n\r\n"
        + "PUT /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET"
        + "HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n"
        + "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"
        + "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private static func answers(to pieces: [Substring]) throws -> (text: String, bodies: [String]) {
        let connection = try HTTPTestConnection()
        for piece in pieces {
            connection.send(String(piece))
        }
        #expect(!connection.isOpen)
        // The cuts of a streamed body follow the pieces; its content does not.
        let bodies = connection.router.handlers.map { handler in
            handler.events.compactMap { event in
                event.hasPrefix("bytes ") ? String(event.dropFirst(6)) : event
            }.joined()
        }
        // Each request has an id of its own.
        return (connection.received().replacing(/"requestId":"[0-9a-f]+"/, with: ""), bodies)
    }

    @Test(arguments: [UInt64](1...200))
    func `it makes no difference how requests are cut into pieces`(seed: UInt64) throws {
        let whole = try Self.answers(to: [Self.traffic[...]])
        var generator = SplitMix64(seed: seed)
        var pieces: [Substring] = []
        var rest = Self.traffic[...]
        while !rest.isEmpty {
            let count = Int(generator.next() % (seed % 2 == 0 ? 6 : 90)) + 1
            // By Unicode scalars: CR LF is one character.
            let end = rest.unicodeScalars.index(rest.startIndex, offsetBy: count, limitedBy: rest.endIndex)
            pieces.append(rest[..<(end ?? rest.endIndex)])
            rest = rest[(end ?? rest.endIndex)...]
        }
        let cut = try Self.answers(to: pieces)
        #expect(HTTPTestConnection.statuses(in: whole.text) == [200, 200, 200, 200, 200, 200, 404])
        #expect(cut == whole)
    }
}
