import SluiceBase
import Testing

@testable import SluiceHTTP

@Suite struct ClientHelloTests {
    /// OpenSSL's, for `A.Example` by `acme-tls/1`; 237 zeros of padding follow.
    private static let text = """
        1603010200010001fc03030036d51e13c5fc55679d01f89dc959fca1b2e5c99bc1a412e4abd9b1af5792172013b94e554ea76dec\
        f385daa8a9138d85db7d186c170e583a45e1a0ea0e302966000a130213031301c02b00ff010001a90000000e000c000009412e45\
        78616d706c65000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000d000b0a61\
        636d652d746c732f310016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103\
        0303010302040205020602002b00050403040303002d00020101003300260024001d0020591faa02787f645de9c386d3588423ba\
        61d2edb7f7c2eca3f07c350ed7a1fd00001500ed\

        """

    private static func hello() throws -> [UInt8] {
        try #require(Hexadecimal.bytes(Self.text)) + [UInt8](repeating: 0, count: 237)
    }

    private static let expected = ClientHello.Reading.complete(
        ClientHello(serverName: "a.example", protocols: ["acme-tls/1"])
    )

    @Test func `the name and the protocols are found`() throws {
        #expect(ClientHello.read(try Self.hello()) == Self.expected)
        // Whatever follows it is not looked at.
        #expect(ClientHello.read(try Self.hello() + [0xFF, 0xFF]) == Self.expected)
    }

    @Test func `pieces are incomplete`() throws {
        let hello = try Self.hello()
        for count in 0..<hello.count {
            #expect(ClientHello.read(Array(hello.prefix(count))) == .incomplete)
        }
    }

    @Test(arguments: [1, 3, 4, 5, 100, 511]) func `a message may be split among records`(count: Int) throws {
        let message = Array(try Self.hello().dropFirst(5))
        var records: [UInt8] = []
        for start in stride(from: 0, to: message.count, by: count) {
            let part = message[start..<min(start + count, message.count)]
            let length = [UInt8(part.count >> 8), UInt8(part.count & 0xFF)]
            records += [22, 3, 1] + length + part
        }
        #expect(ClientHello.read(records) == Self.expected)
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\n".utf8), [21, 3, 1, 0, 2, 1, 0], [22, 3, 1, 0, 0], [22, 3, 1, 0x40, 1],
        [22, 3, 1, 0, 4, 2, 0, 0, 0, 22], [22, 3, 1, 0, 4, 1, 0, 0, 0],
    ])
    func `other bytes are malformed`(bytes: [UInt8]) {
        #expect(ClientHello.read(bytes) == .malformed)
    }

    @Test func `lengths that lead beyond the end are malformed, and never read`() throws {
        let hello = try Self.hello()
        for offset in 43..<150 {
            var changed = hello
            changed[offset] = 0xFF
            // Whatever comes of it, it ends.
            #expect(ClientHello.read(changed) != .incomplete)
        }
        var changed = hello
        // The length of all extensions.
        changed[90] = 0xFF
        #expect(ClientHello.read(changed) == .malformed)
    }

    @Test func `more than any client sends is malformed`() {
        let record: [UInt8] = [22, 3, 1, 0x40, 0] + [1, 0, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16_380)
        #expect(ClientHello.read(record) == .incomplete)
        let more = [22, 3, 1, 1, 0] + [UInt8](repeating: 0, count: 250)
        #expect(ClientHello.read(Array((record + more).prefix(ClientHello.maximumBytes + 1))) == .malformed)
        // Also where the limit lies within the head of a record.
        let even = [22, 3, 1, 0, 0xF6] + [UInt8](repeating: 0, count: 246) + [UInt8](repeating: 22, count: 10_000)
        #expect(ClientHello.read(Array((record + even).prefix(ClientHello.maximumBytes + 1))) == .malformed)
        #expect(ClientHello.read(record + even) == .malformed)
        var tiny: [UInt8] = [22, 3, 1, 0, 1, 1]
        for index in 0..<3000 { tiny += [22, 3, 1, 0, 1, index < 3 ? 0xFF : 0] }
        #expect(ClientHello.read(Array(tiny.prefix(ClientHello.maximumBytes + 1))) == .malformed)
    }
}
