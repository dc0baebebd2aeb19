import SluiceBase
import Testing

@testable import SluiceHTTP

@Suite struct ProxyPrefaceTests {
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let four: [UInt8] = [192, 0, 2, 1, 127, 0, 0, 1, 0x04, 0xD2, 0x01, 0xBB]

    private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let count = length ?? rest.count
        return Self.signature + [command, family, UInt8(count >> 8), UInt8(count & 0xFF)] + rest
    }

    private func client(_ address: String, _ port: Int, _ byteCount: Int) throws -> ProxyPreface.Reading {
        .complete(.client(try #require(IPAddress(address)), port: port), byteCount: byteCount)
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 10.0.0.1 1234 443\r\n", "192.0.2.1", 1234),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255", 65_535),
        ("PROXY TCP6 2001:db8::1 ::1 0 443\r\n", "2001:db8::1", 0),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 80 443\r\n", "192.0.2.1", 80),
    ])
    func `a line names the client, and what follows it is not its part`(line: String, address: String, port: Int) throws
    {
        let bytes = Array(line.utf8)
        #expect(ProxyPreface.read(bytes) == (try self.client(address, port, bytes.count)))
        #expect(ProxyPreface.read(bytes + [0x16, 0x03]) == (try self.client(address, port, bytes.count)))
        for count in 0..<bytes.count {
            #expect(ProxyPreface.read(Array(bytes[..<count])) == .incomplete, "\(count)")
        }
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"])
    func `a balancer that does not know speaks for itself`(line: String) {
        #expect(ProxyPreface.read(Array(line.utf8)) == .complete(.balancer, byteCount: line.utf8.count))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n", "PROXY  TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n", "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n", "PROXY \r\n", "PROXY \n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1  2\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n", "PROXY TCP4 192.0.2 10.0.0.1 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n", "PROXY UNKNOWNS\r\n", "PROXY TCP4 a b c d\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 100) + "\r\n", String(repeating: "P", count: 20),
    ])
    func `anything else is malformed`(line: String) {
        #expect(ProxyPreface.read(Array(line.utf8)) == .malformed)
    }

    @Test func `binary addresses name the client, and what is appended to them is passed over`() throws {
        let six = [UInt8](repeating: 0, count: 15) + [1] + [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 12)
        for more in [[], [UInt8](repeating: 4, count: 300)] {
            let first = self.binary(0x21, 0x11, Self.four + more)
            #expect(ProxyPreface.read(first + [1]) == (try self.client("192.0.2.1", 1234, first.count)))
            let second = self.binary(0x21, 0x21, six + [0, 80, 1, 187] + more)
            #expect(ProxyPreface.read(second) == (try self.client("::1", 80, second.count)))
            for bytes in [first, second] {
                for count in 0..<bytes.count {
                    #expect(ProxyPreface.read(Array(bytes[..<count])) == .incomplete, "\(count)")
                }
            }
        }
    }

    @Test func `LOCAL, no family and Unix sockets are the balancer's own`() {
        let socket = [UInt8](repeating: 0, count: 216)
        for bytes in [
            self.binary(0x20, 0x00, []), self.binary(0x20, 0x11, Self.four), self.binary(0x20, 0xFF, [1, 2, 3]),
            self.binary(0x21, 0x00, []), self.binary(0x21, 0x00, [9]), self.binary(0x21, 0x31, socket),
        ] {
            #expect(ProxyPreface.read(bytes) == .complete(.balancer, byteCount: bytes.count))
        }
    }

    @Test func `what no stream has is malformed, as soon as it shows`() {
        for bytes in [
            self.binary(0x11, 0x11, Self.four), self.binary(0x22, 0x11, Self.four), self.binary(0x31, 0x11, Self.four),
            self.binary(0x21, 0x12, Self.four), self.binary(0x21, 0x22, Self.four), self.binary(0x21, 0x41, Self.four),
            self.binary(0x21, 0x11, Array(Self.four.dropLast())), self.binary(0x21, 0x21, Self.four),
            self.binary(0x21, 0x31, Self.four), self.binary(0x21, 0x11, Self.four, length: 4081),
            self.binary(0x20, 0x00, [], length: 65_535), Array(Self.signature.dropLast()) + [0x0B],
            Self.signature + [0x02],
        ] {
            #expect(ProxyPreface.read(bytes) == .malformed)
        }
        #expect(ProxyPreface.read(self.binary(0x21, 0x11, Self.four, length: 4080)) == .incomplete)
    }
}
