import NIOCore
import SluiceBase
import Testing

@Suite
struct DecimalTests {
    @Test(
        "a number stands in the buffer as Swift writes it",
        arguments: [
            0, 1, 9, 10, 99, 12_345_678, 99_999_999, 100_000_000, 100_000_001, 9_999_999_999_999_999,
            10_000_000_000_000_000, UInt64(Int64.max), .max,
        ]
    )
    func decimal(_ number: UInt64) {
        var buffer = ByteBuffer(string: "n=")
        buffer.writeDecimal(number)
        buffer.writeStaticString(";")
        #expect(String(buffer: buffer) == "n=\(number);")
    }
}
