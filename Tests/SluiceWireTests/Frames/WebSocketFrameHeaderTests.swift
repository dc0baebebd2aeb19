import NIOCore
import SluiceWire
import Testing

@Suite struct WebSocketFrameHeaderTests {
    @Test(
        "Frames have the shortest form of their length, and no mask",
        arguments: [
            (0, [0x81, 0]), (125, [0x81, 125]), (126, [0x81, 126, 0, 126]), (65_535, [0x81, 126, 255, 255]),
            (65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])]
    )
    func headers(payloadBytes: Int, expected: [UInt8]) {
        var buffer = ByteBuffer()
        WebSocketFrameHeader.write(opcode: .text, payloadBytes: payloadBytes, into: &buffer)
        #expect(Array(buffer.readableBytesView) == expected)
    }

    @Test("A close frame's reason is cut between two characters")
    func closeReason() {
        var buffer = ByteBuffer()
        WebSocketFrameHeader.writeClose(code: 1008, reason: String(repeating: "é", count: 100), into: &buffer)
        #expect(Array(buffer.readableBytesView.prefix(4)) == [0x88, 124, 0x03, 0xF0])
        #expect(buffer.readableBytes == 126)
        #expect(String(validating: buffer.readableBytesView.dropFirst(4), as: UTF8.self) != nil)
    }
}
