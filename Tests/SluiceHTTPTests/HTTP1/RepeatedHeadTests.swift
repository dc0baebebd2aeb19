import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct RepeatedHeadTests {
    private static let head =
        "POST /collect/a?b=c HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x.y.z\r\nContent-Length: 15\r\nX-Last: 7\r\n\r\n"
    private static let body = "[1,2,3,4,5,6,7]"
    /// Bytes that mean something to a parser of requests.
    private static let spice: [UInt8] = Array("\r\n\t :;,/?%#*\0\u{7F}0123456789aGP".utf8) + [0x80, 0xFF]

    /// What a connection makes of some bytes, but for the ids of its answers.
    private static func result(
        of bytes: [UInt8],
        after first: String,
        limits: HTTPLimits = HTTPLimits()
    ) throws -> [String] {
        let connection = try HTTPTestConnection(limits: limits)
        connection.send(first)
        _ = connection.received()
        let count = connection.router.requests.count
        connection.send(ByteBuffer(bytes: bytes))
        let requests = connection.router.requests.dropFirst(count)
            .map { request in
                let headers = request.headers
                let fields = headers.fields.map { headers.text($0.name) + headers.text($0.value) }
                return "\(request.method) \(request.target) \(request.path) \(request.authority ?? "") "
                    + "\(String(describing: request.contentLength)) \(request.isKeepAlive) \(fields)"
            }
        let events = connection.router.handlers.dropFirst(count).flatMap(\.events)
        let answers = connection.received().replacing(/"requestId":"[0-9a-f]+"/, with: "")
        return requests + events + [answers, "\(connection.isOpen)"]
    }

    @Test func `a damaged head means the same behind a sound one as on a new connection`() throws {
        let sound = Self.head + Self.body
        let before = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"
        for place in Self.head.utf8.indices.map({ Self.head.utf8.distance(from: Self.head.startIndex, to: $0) }) {
            // Some of them at each place: all would take minutes.
            for spice in Self.spice.indices.filter({ ($0 + place) % 20 == 0 }).map({ Self.spice[$0] }) {
                for change in 0..<3 {
                    var bytes = Array(sound.utf8)
                    switch change {
                    case 0: bytes[place] = spice
                    case 1: bytes.insert(spice, at: place)
                    default: bytes.remove(at: place)
                    }
                    let fresh = try Self.result(of: bytes, after: before)
                    let repeated = try Self.result(of: bytes, after: sound)
                    #expect(repeated == fresh, "byte \(place), \(spice), change \(change)")
                }
            }
        }
    }

    @Test(arguments: ["15", "10", "99", "00", "1x", "9", "100", "-1", "+1", " 5", "5 "])
    func `another length of the body is read as on a new connection`(length: String) throws {
        let bytes = Array(Self.head.replacing("15", with: length).utf8) + Array(Self.body.utf8)
        let fresh = try Self.result(of: bytes, after: "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try Self.result(of: bytes, after: Self.head + Self.body) == fresh)
    }

    @Test func `a head that comes in pieces, or a part of one, is read as on a new connection`() throws {
        let sound = Self.head + Self.body
        for cut in [1, 20, Self.head.utf8.count - 1, Self.head.utf8.count] {
            let connection = try HTTPTestConnection()
            connection.send(sound)
            connection.send(String(sound.prefix(cut)))
            connection.send(String(sound.dropFirst(cut)) + sound)
            #expect(connection.statuses() == [200, 200, 200])
            let events = ["start", "body \(Self.body)"]
            #expect(connection.router.handlers.map(\.events) == [events, events, events])
        }
    }

    @Test func `requests of the same head share a note, others do not`() throws {
        let connection = try HTTPTestConnection()
        let shorter = Self.head.replacing("15", with: "10") + "[1,2,3,45]"
        let other = Self.head.replacing("x.y.z", with: "x.y.a") + Self.body
        for request in [Self.head + Self.body, Self.head + Self.body, shorter, other, other] {
            connection.send(request)
        }
        let notes = connection.router.handlers.compactMap { $0.exchange?.headNote }
        #expect(notes.count == 5)
        #expect(notes[0] === notes[1] && notes[0] === notes[2])
        #expect(notes[2] !== notes[3] && notes[3] === notes[4])
        let tokens = connection.router.requests.map { $0.headers["Authorization"] }
        #expect(tokens == [["Bearer x.y.z"], ["Bearer x.y.z"], ["Bearer x.y.z"], ["Bearer x.y.a"], ["Bearer x.y.a"]])
        #expect(connection.router.requests.map(\.contentLength) == [15, 15, 10, 15, 15])
        #expect(connection.router.requests[2].headers["Content-Length"] == ["10"])
    }

    @Test func `heads are not remembered that are long, the last, or of another protocol`() throws {
        let head = "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        for field in [
            "X-Long: \(String(repeating: "x", count: RepeatedHead.maximumBytes))", "Connection: close",
            "Connection: upgrade\r\nUpgrade: websocket",
        ] {
            let connection = try HTTPTestConnection()
            connection.send(head + field + "\r\n\r\n[]")
            #expect(connection.router.handlers.map { $0.exchange?.headNote == nil } == [true])
        }
        // What is read of many parts takes several times as much as their bytes.
        for target in [String(repeating: "/a", count: 9), "/a?" + String(repeating: "b&", count: 9)] {
            let connection = try HTTPTestConnection()
            connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connection.router.handlers.map { $0.exchange?.headNote == nil } == [true])
        }
    }

    @Test func `a limit of the head's length holds for a head that comes again`() throws {
        var limits = HTTPLimits()
        limits.maximumHeadBytes = Self.head.utf8.count
        let bytes = Array(Self.head.replacing("15", with: "150").utf8)
        let fresh = try Self.result(of: bytes, after: "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits)
        #expect(fresh.contains { $0.hasPrefix("HTTP/1.1 431") })
        #expect(try Self.result(of: bytes, after: Self.head + Self.body, limits: limits) == fresh)
    }
}
