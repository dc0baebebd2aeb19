import SluiceBase
import Testing

@testable import SluiceServer

@Suite("Address blocks")
struct AddressBlockTests {
    @Test("Blocks of both families are read, and an address alone is a block of one")
    func read() throws {
        let wide = try AddressBlock("10.0.0.0/8")
        #expect(wide.network == [10, 0, 0, 0])
        #expect(wide.prefixLength == 8)
        let odd = try AddressBlock("172.16.0.0/12")
        #expect(odd.prefixLength == 12)
        let one = try AddressBlock("192.168.1.7")
        #expect(one.prefixLength == 32)
        let six = try AddressBlock("fd00::/8")
        #expect(six.network == [0xFD] + [UInt8](repeating: 0, count: 15))
        #expect(try AddressBlock("0.0.0.0/0").prefixLength == 0)
        #expect(try AddressBlock("::1") == AddressBlock("0:0::1/128"))
    }

    @Test(
        "What is no block is a problem",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/33", "::/129", "10.0.0.0/8/8", "10.0.0.1/31",
            "fd01::/8", "10.0.0.0/ 8",
        ]
    )
    func refused(text: String) {
        #expect(throws: ConfigurationProblem.self) {
            _ = try AddressBlock(text)
        }
    }
}
