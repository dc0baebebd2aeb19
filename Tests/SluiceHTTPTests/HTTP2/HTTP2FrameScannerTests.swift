import NIOCore
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct HTTP2FrameScannerTests {
    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        var frame = ByteBuffer()
        frame.writeInteger(UInt32(payload.count) << 8 | UInt32(kind))
        frame.writeInteger(flags)
        frame.writeInteger(stream)
        frame.writeBytes(payload)
        return Array(buffer: frame)
    }

    private static let bytes: [UInt8] = [
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8),
        Self.frame(4, 0, 0, []),
        Self.frame(8, 0, 0, [0x80, 0, 1, 2]),
        Self.frame(1, 5, 1, Array(repeating: 7, count: 300)),
        Self.frame(0, 8, 0x8000_0003, [2, 9, 0, 0]),
        Self.frame(0xEE, 0, 0, [1]),
        Self.frame(4, 1, 0, []),
    ]
    .flatMap { $0 }

    private static let heads = [
        HTTP2FrameHead(.settings),
        HTTP2FrameHead(.windowUpdate, payloadByteCount: 4, start: 0x8000_0102),
        HTTP2FrameHead(.headers, flags: 5, streamID: 1, payloadByteCount: 300),
        HTTP2FrameHead(.data, flags: 8, streamID: 3, payloadByteCount: 4, start: 2),
        HTTP2FrameHead(nil, payloadByteCount: 1),
        HTTP2FrameHead(.settings, flags: 1),
    ]

    /// The heads that are found when bytes come in these pieces; what was incomplete comes again with the next piece.
    private static func scan(_ pieces: [[UInt8]]) -> (heads: [HTTP2FrameHead], endCount: Int) {
        var scanner = HTTP2FrameScanner()
        var heads: [HTTP2FrameHead] = []
        var endCount = 0
        var held = ByteBuffer()
        for piece in pieces {
            held.writeBytes(piece)
            scan: while held.readableBytes > 0 {
                switch scanner.step(held, at: held.readerIndex) {
                case .head(let head):
                    heads.append(head)
                    held.moveReaderIndex(forwardBy: HTTP2FrameHead.byteCount)
                case .payload(let byteCount, let isEnd):
                    held.moveReaderIndex(forwardBy: byteCount)
                    endCount += isEnd ? 1 : 0
                case .incomplete:
                    break scan
                }
            }
        }
        return (heads, endCount)
    }

    @Test func `frames are found behind the preface`() {
        let found = Self.scan([Self.bytes])
        #expect(found.heads == Self.heads)
        // The preface, and four payloads.
        #expect(found.endCount == 5)
        #expect(Self.heads.map(\.isSettingsAcknowledgement) == [false, false, false, false, false, true])
    }

    @Test func `wherever the bytes are cut, the same frames are found`() {
        #expect(Self.scan(Self.bytes.map { [$0] }).heads == Self.heads)
        var generator = SplitMix64(seed: 4711)
        for _ in 0..<200 {
            var pieces: [[UInt8]] = []
            var rest = Self.bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...40, using: &generator))
                pieces.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(Self.scan(pieces).heads == Self.heads)
        }
    }
}
