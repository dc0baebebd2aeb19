import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct ForwardedAddressTests {
    private let reader: ForwardedAddress

    init() throws {
        self.reader = ForwardedAddress(trusted: try ["10.0.0.0/8", "fd00::/8"].map { try AddressBlock($0) })
    }

    private func client(_ peer: String, for list: [String] = [], forwarded: [String] = []) throws -> String {
        let peer = try #require(IPAddress(peer))
        return self.reader.client(peer: peer, forwardedFor: list, forwarded: forwarded).description
    }

    @Test(arguments: [
        (["192.0.2.1"], "192.0.2.1"), (["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        (["198.51.100.9, 192.0.2.1, 10.2.2.2"], "192.0.2.1"), (["198.51.100.9", "192.0.2.1", "10.2.2.2"], "192.0.2.1"),
        (["192.0.2.1:1234"], "192.0.2.1"), (["[2001:db8::1]:443"], "2001:db8:0:0:0:0:0:1"),
        (["2001:db8::1"], "2001:db8:0:0:0:0:0:1"), (["::ffff:192.0.2.1"], "192.0.2.1"), (["\t192.0.2.1 "], "192.0.2.1"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"), ([""], "10.1.1.1"), (["192.0.2.1,"], "10.1.1.1"),
        (["unknown"], "10.1.1.1"), (["192.0.2.1, x, 10.2.2.2"], "10.2.2.2"), (["192.0.2.1 198.51.100.9"], "10.1.1.1"),
        (["192.0.2.1:99999"], "10.1.1.1"), (["[2001:db8::1"], "10.1.1.1"), (["\"192.0.2.1\""], "10.1.1.1"),
        ([String](repeating: "10.2.2.2", count: 40), "10.2.2.2"),
    ])
    func `the list is read from the right end, and a hop that cannot be read is the client`(
        list: [String],
        expected: String
    ) throws {
        #expect(try self.client("10.1.1.1", for: list) == expected)
    }

    @Test(arguments: [
        (["for=192.0.2.1"], "192.0.2.1"), (["For=\"192.0.2.1:80\";proto=https"], "192.0.2.1"),
        (["for=\"[2001:db8::1]\""], "2001:db8:0:0:0:0:0:1"), (["for=\"[2001:db8::1]:443\""], "2001:db8:0:0:0:0:0:1"),
        (["for=198.51.100.9, for=192.0.2.1;by=10.2.2.2, for=10.2.2.2"], "192.0.2.1"),
        (["for=198.51.100.9", "proto=http; for = 192.0.2.1"], "192.0.2.1"),
        (["host=\"a,b;c\";for=192.0.2.1"], "192.0.2.1"), (["for=\"192.0.2.\\1\""], "192.0.2.1"),
        (["for=unknown"], "10.1.1.1"), (["for=_hidden"], "10.1.1.1"), (["proto=https"], "10.1.1.1"),
        (["for=192.0.2.1;for=192.0.2.2"], "10.1.1.1"), (["for=192.0.2.1, for=\"10.2.2.2"], "10.1.1.1"),
        (["for"], "10.1.1.1"), ([""], "10.1.1.1"), (["for=\"192.0.2.1"], "10.1.1.1"), (["for=192.0.2.1\""], "10.1.1.1"),
    ])
    func `Forwarded is read likewise`(fields: [String], expected: String) throws {
        #expect(try self.client("10.1.1.1", forwarded: fields) == expected)
    }

    @Test func `whoever is no proxy of ours speaks for itself`() throws {
        #expect(try self.client("192.0.2.9", for: ["198.51.100.1"], forwarded: ["for=198.51.100.1"]) == "192.0.2.9")
        #expect(try self.client("10.1.1.1") == "10.1.1.1")
        #expect(try self.client("fd00::1", for: ["192.0.2.1"]) == "192.0.2.1")
    }

    @Test func `where both fields are there they have to agree`() throws {
        #expect(try self.client("10.1.1.1", for: ["192.0.2.1"], forwarded: ["for=192.0.2.1"]) == "192.0.2.1")
        #expect(try self.client("10.1.1.1", for: ["192.0.2.1"], forwarded: ["for=198.51.100.1"]) == "10.1.1.1")
    }

    @Test(
        arguments: [
            (["https"], true), (["http"], false), (["HTTPS"], true), (["Http"], false), (["wss"], true),
            (["WSS"], true),
            (["ws"], false), (["https, http"], true), (["https,https"], true), (["http, https"], false),
            (["https", "http"], true), (["http", "https"], false), (["wss", "https"], true), ([" https\t"], true),
            ([", https"], true), ([",", "wss"], true), ([""], nil), ([], nil), (["spdy"], nil), (["https http"], nil),
            (["httpss"], nil),
        ] as [([String], Bool?)]
    )
    func `the protocol is that of the client's own hop, in any of its names`(list: [String], expected: Bool?) throws {
        let peer = try #require(IPAddress("10.1.1.1"))
        #expect(self.reader.isSecure(peer: peer, forwardedProto: list, forwarded: []) == expected)
    }

    @Test(
        arguments: [
            (["proto=https"], true), (["for=192.0.2.1;proto=https"], true), (["Proto=HTTPS;For=192.0.2.1"], true),
            (["proto=\"https\""], true), (["proto=wss"], true), (["proto=http"], false), (["proto = https"], true),
            (["proto=https, proto=http"], true), (["proto=http", "proto=https"], false), (["for=192.0.2.1"], nil),
            (["for=192.0.2.1, proto=https"], nil), (["proto=https;proto=http"], nil), (["proto=\"https"], nil),
            ([""], nil),
            (["proto"], nil), ([], nil), (["by=\"a;proto=http\";proto=https"], true),
        ] as [([String], Bool?)]
    )
    func `Forwarded says the protocol too`(fields: [String], expected: Bool?) throws {
        let peer = try #require(IPAddress("10.1.1.1"))
        #expect(self.reader.isSecure(peer: peer, forwardedProto: [], forwarded: fields) == expected)
    }

    @Test func `only a trusted proxy's word counts, and its own field before one that it let through`() throws {
        let stranger = try #require(IPAddress("192.0.2.9"))
        let proxy = try #require(IPAddress("fd00::1"))
        #expect(self.reader.isSecure(peer: stranger, forwardedProto: ["https"], forwarded: ["proto=https"]) == nil)
        #expect(self.reader.isSecure(peer: proxy, forwardedProto: ["http"], forwarded: ["proto=https"]) == false)
        #expect(self.reader.isSecure(peer: proxy, forwardedProto: ["?"], forwarded: ["proto=https"]) == true)
    }
}
