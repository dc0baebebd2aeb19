import NIOCore
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketDecoderTests {
    typealias Frames = ClientBytes

    static let small: WebSocketConfiguration = {
        var limits = WebSocketConfiguration()
        limits.maximumMessageBytes = 1000
        limits.maximumFragmentCount = 10
        return limits
    }()

    /// Everything that a decoder finds in these pieces, given one after the other.
    static func events(
        _ pieces: [[UInt8]],
        limits: WebSocketConfiguration = small,
        deflate: PermessageDeflateAgreement? = nil
    ) -> [WebSocketEvent] {
        var decoder = WebSocketDecoder(limits: limits, deflate: deflate)
        var events: [WebSocketEvent] = []
        for piece in pieces {
            decoder.append(ByteBuffer(bytes: piece))
            while let event = decoder.next() {
                events.append(event)
            }
        }
        return events
    }

    static func text(_ text: String) -> WebSocketEvent { .text(ByteBuffer(string: text)) }

    static let good: [(String, [UInt8], [WebSocketEvent])] = [
        ("an empty text", Frames.text(""), [text("")]),
        ("a text", Frames.text("hello"), [text("hello")]),
        ("a binary message", Frames.frame(0x2, [0, 1, 255]), [.binary(ByteBuffer(bytes: [0, 1, 255]))]),
        ("125 bytes", Frames.text(String(repeating: "a", count: 125)), [text(String(repeating: "a", count: 125))]),
        ("126 bytes", Frames.text(String(repeating: "b", count: 126)), [text(String(repeating: "b", count: 126))]),
        (
            "the most bytes", Frames.text(String(repeating: "c", count: 1000)),
            [text(String(repeating: "c", count: 1000))]
        ),
        ("two texts in one read", Frames.text("a") + Frames.text("b"), [text("a"), text("b")]),
        (
            "fragments, with a ping between them",
            Frames.text("he", isFinal: false) + Frames.frame(0x9, [7]) + Frames.frame(0x0, Array("llo".utf8)),
            [.ping(ByteBuffer(bytes: [7])), text("hello")]
        ),
        (
            "fragments that cut a character",
            Frames.frame(0x1, [0xE2, 0x82], isFinal: false) + Frames.frame(0x0, [0xAC]),
            [text("€")]
        ),
        (
            "empty fragments, as many as allowed",
            Frames.frame(0x1, [], isFinal: false)
                + (0..<8).flatMap { _ in Frames.frame(0x0, [], isFinal: false) } + Frames.frame(0x0, [0x78]),
            [text("x")]
        ),
        (
            "a pong of 125 bytes", Frames.frame(0xA, Array(repeating: 9, count: 125)),
            [
                .pong(ByteBuffer(repeating: 9, count: 125))
            ]
        ),
        ("a close without a code", Frames.frame(0x8), [.close(code: nil, reason: "")]),
        ("a close", Frames.close(1000, Array("bye ✓".utf8)), [.close(code: .normal, reason: "bye ✓")]),
        (
            "what comes after a close", Frames.close(1001) + Frames.text("x") + [0xFF, 0xFF],
            [
                .close(code: .goingAway, reason: "")
            ]
        ),
    ]

    @Test("Messages come out whole, wherever the stream is cut", arguments: good)
    func decodes(name: String, bytes: [UInt8], expected: [WebSocketEvent]) {
        #expect(Self.events([bytes]) == expected)
        #expect(Self.events(bytes.map { [$0] }) == expected)
        for cut in 1..<bytes.count {
            #expect(Self.events([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
        }
    }

    static let bad: [(String, [UInt8], UInt16)] = [
        ("no mask", Frames.frame(0x1, [0x61], key: nil), 1002),
        ("RSV1 without an extension", Frames.frame(0x1, [0x61], reserved: 0x40), 1002),
        ("RSV2", Frames.frame(0x1, [0x61], reserved: 0x20), 1002),
        ("RSV3", Frames.frame(0x1, [0x61], reserved: 0x10), 1002),
        ("RSV1 on a ping", Frames.frame(0x9, reserved: 0x40), 1002),
        ("opcode 3", Frames.frame(0x3), 1002),
        ("opcode 7", Frames.frame(0x7), 1002),
        ("opcode 11", Frames.frame(0xB), 1002),
        ("opcode 15", Frames.frame(0xF), 1002),
        ("a continuation of nothing", Frames.frame(0x0, [1]), 1002),
        ("a text within a text", Frames.text("a", isFinal: false) + Frames.text("b"), 1002),
        ("a binary message within a text", Frames.text("a", isFinal: false) + Frames.frame(0x2, [1]), 1002),
        ("a continuation after the end", Frames.text("a") + Frames.frame(0x0, [1]), 1002),
        ("a fragmented ping", Frames.frame(0x9, [1], isFinal: false), 1002),
        ("a ping of 126 bytes", Frames.frame(0x9, Array(repeating: 1, count: 126)), 1002),
        ("a short length in two bytes", Frames.frame(0x1, [0x61], lengthBytes: 2), 1002),
        ("a length of 125 in two bytes", Frames.frame(0x2, Array(repeating: 1, count: 125), lengthBytes: 2), 1002),
        ("a length of 300 in eight bytes", Frames.frame(0x2, Array(repeating: 1, count: 300), lengthBytes: 8), 1002),
        ("a length of 2^63", Frames.announcing(1 << 63), 1002),
        ("a length of 2^64 - 1", Frames.announcing(.max), 1002),
        ("a length of 2^63 - 1", Frames.announcing(UInt64(Int64.max)), 1009),
        ("a length of 2^32", Frames.announcing(1 << 32), 1009),
        ("one byte too many", Frames.text(String(repeating: "a", count: 1001)), 1009),
        (
            "one byte too many in fragments",
            Frames.text(String(repeating: "a", count: 999), isFinal: false)
                + Frames.frame(0x0, [1, 2], isFinal: false),
            1009
        ),
        (
            "2^63 - 1 bytes after a fragment",
            Frames.frame(0x2, [1], isFinal: false) + Frames.announcing(UInt64(Int64.max), opcode: 0x0),
            1009
        ),
        (
            "one fragment too many",
            Frames.frame(0x1, [], isFinal: false) + (0..<10).flatMap { _ in Frames.frame(0x0, [], isFinal: false) },
            1009
        ),
        ("a text that is not UTF-8", Frames.frame(0x1, [0xC0, 0x80]), 1007),
        ("a text that ends within a character", Frames.frame(0x1, [0xE2, 0x82]), 1007),
        ("a surrogate across fragments", Frames.frame(0x1, [0xED], isFinal: false) + Frames.frame(0x0, [0xA0]), 1007),
        ("a close of one byte", Frames.frame(0x8, [3]), 1002),
        ("a close whose reason is not UTF-8", Frames.close(1000, [0xFF]), 1007),
        ("a close whose reason ends within a character", Frames.close(1000, [0xE2, 0x82]), 1007),
    ]

    @Test("Whoever breaks a rule gets the code for it, wherever the stream is cut", arguments: bad)
    func refuses(name: String, bytes: [UInt8], code: UInt16) {
        for cut in 0..<bytes.count {
            let pieces = cut == 0 ? bytes.map { [$0] } : [Array(bytes[..<cut]), Array(bytes[cut...])]
            let events = Self.events(pieces + [Frames.text("after")])
            guard case .failed(let fault)? = events.last else {
                Issue.record("\(events), cut at \(cut)")
                return
            }
            #expect(fault.code.rawValue == code, "\(fault), cut at \(cut)")
        }
    }

    @Test(
        "Only codes that may be sent are taken",
        arguments: [
            (0, false), (999, false), (1000, true), (1003, true), (1004, false), (1005, false), (1006, false),
            (1007, true),
            (1014, true), (1015, false), (1016, false), (2999, false), (3000, true), (4999, true), (5000, false),
            (65_535, false),
        ] as [(UInt16, Bool)]
    )
    func closeCodes(code: UInt16, isTaken: Bool) {
        let events = Self.events([Frames.close(code)])
        if isTaken {
            #expect(events == [.close(code: WebSocketCloseCode(rawValue: code), reason: "")])
        } else {
            #expect(events == [.failed(.protocolError("close code is not for sending"))])
        }
    }

    @Test("A text fails at its first wrong byte, before its frame is complete")
    func failsFast() {
        let whole = Frames.frame(0x1, [0x61, 0xF4, 0x90] + Array(repeating: 0x62, count: 500))
        let head = 8
        #expect(Self.events([Array(whole[..<(head + 2)])]) == [])
        #expect(Self.events([Array(whole[..<(head + 3)])]) == [.failed(.invalidPayload("text is not UTF-8"))])
    }

    @Test("Every frame counts as a sign of life, and half of one does not")
    func countsFrames() {
        var decoder = WebSocketDecoder(limits: Self.small, deflate: nil)
        let bytes = Frames.text("a", isFinal: false) + Frames.frame(0x9) + Frames.frame(0x0, [1, 2, 3])
        decoder.append(ByteBuffer(bytes: bytes.dropLast()))
        while decoder.next() != nil {}
        #expect(decoder.frameCount == 2)
        #expect(decoder.controlFrameCount == 1)
    }

    @Test("The mask comes off at every phase and length", arguments: 0..<40)
    func unmasks(length: Int) {
        let payload = (0..<length).map { UInt8($0 &* 37 & 0xFF) }
        let bytes = Frames.frame(0x2, payload, key: 0x0102_FF80)
        for cut in 6...(6 + length) {
            let events = Self.events([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(events == [.binary(ByteBuffer(bytes: payload))])
        }
    }
}
