import NIOHPACK
import NIOHTTP1
import Testing

@testable import SluiceHTTP

@Suite struct HTTP2RequestHeadTests {
    private static func accept(
        _ fields: [(String, String)],
        without names: Set<String> = [],
        endsStream: Bool = true
    ) throws -> HTTPRequest {
        let given = Set(fields.map(\.0))
        let usual = [
            (":method", "GET"), (":scheme", "https"), (":path", "/a%20b?q=1"), (":authority", "a.example:8443"),
        ]
        let all = usual.filter { !given.contains($0.0) && !names.contains($0.0) } + fields
        return try HTTP2RequestHead.accept(HPACKHeaders(all), endsStream: endsStream, limits: HTTPLimits()).request
    }

    private static func code(_ fields: [(String, String)], without names: Set<String> = []) -> ProblemCode? {
        do {
            _ = try Self.accept(fields, without: names)
            return nil
        } catch {
            return (error as? Problem)?.code
        }
    }

    @Test func `a request looks like one of HTTP 1`() throws {
        let request = try Self.accept([("accept", "*/*")])
        #expect(request.method == .GET && request.path == ["a b"] && request.authority == "a.example:8443")
        #expect(request.headers["Host"] == ["a.example:8443"] && request.headers["Accept"] == ["*/*"])
        #expect(request.isVersion2 && !request.takesChunks && !request.hasBody && request.connectProtocol == nil)
    }

    @Test func `a body follows unless the stream has ended, whether its length is known or not`() throws {
        #expect(try Self.accept([(":method", "POST")], endsStream: false).hasBody)
        let known = try Self.accept([(":method", "POST"), ("content-length", "5")], endsStream: false)
        #expect(known.contentLength == 5 && !known.isChunked)
        #expect(Self.code([(":method", "POST"), ("content-length", "5"), ("content-length", "6")]) == .badRequest)
    }

    @Test func `cookies are one field again`() throws {
        let request = try Self.accept([("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3")])
        #expect(request.headers["Cookie"] == ["a=1; b=2; c=3"])
    }

    @Test func `an extended CONNECT stands for a GET with an upgrade`() throws {
        let request = try Self.accept([(":method", "CONNECT"), (":protocol", "websocket")], endsStream: false)
        #expect(request.method == .GET && request.connectProtocol == "websocket" && !request.hasBody)
        #expect(Self.code([(":method", "CONNECT"), (":protocol", "connect-udp")]) == .notImplemented)
        #expect(Self.code([(":method", "CONNECT")]) == .notImplemented)
    }

    @Test func `what is not understood is refused`() {
        #expect(Self.code([(":method", "BREW US")]) == .notImplemented)
        #expect(Self.code([(":scheme", "http")]) == .badRequest)
        #expect(Self.code([(":path", "a")]) == .badRequest)
        #expect(Self.code([(":path", "/a b")]) == .badRequest)
        #expect(Self.code([(":path", "*")]) == .invalidTarget)
        #expect(Self.code([(":path", "*"), (":method", "OPTIONS")]) == nil)
        #expect(Self.code([("x", "a\u{1}b")]) == .badRequest)
        #expect(Self.code([("host", "b.example")]) == .badRequest)
        #expect(Self.code([("host", "A.example:8443")]) == nil)
        #expect(Self.code([], without: [":authority"]) == .badRequest)
        #expect(Self.code([("host", "a"), ("host", "a")], without: [":authority"]) == .badRequest)
    }

    @Test func `a list of fields has 16 KiB by RFC 9113's count, and a hundred fields`() {
        // The usual four count 10 + 12 + 15 + 24 bytes and 32 for each; one more field 1 and 32.
        let usual = (":methodGET:schemehttps:path/a%20b?q=1:authoritya.example:8443".utf8.count) + 4 * 32
        let room = 16 * 1024 - usual - 33
        #expect(Self.code([("x", String(repeating: "v", count: room))]) == nil)
        #expect(Self.code([("x", String(repeating: "v", count: room + 1))]) == .headersTooLarge)
        #expect(Self.code((0..<99).map { ("x\($0)", "") }) == nil)
        #expect(Self.code((0..<100).map { ("x\($0)", "") }) == .headersTooLarge)
    }
}
