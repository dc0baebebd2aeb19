import SluiceBase
import Testing

@Suite
struct HexadecimalTests {
    @Test("Bytes come back from their digits, in either case")
    func roundTrip() {
        let bytes: [UInt8] = [0x00, 0x0F, 0xA5, 0xFF]
        #expect(Hexadecimal.text(bytes) == "000fa5ff")
        #expect(Hexadecimal.bytes("000Fa5fF") == bytes)
    }

    @Test("What is not pairs of digits is no bytes", arguments: ["0", "0g", "0x00", " 00", "00\n"])
    func refused(_ text: String) {
        #expect(Hexadecimal.bytes(text) == nil)
    }
}
