import NIOCore
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketInflateTests {
    static func agreement(keepsContext: Bool = true) -> PermessageDeflateAgreement {
        var agreement = PermessageDeflateAgreement(answer: "permessage-deflate")
        agreement.clientNoContextTakeover = !keepsContext
        return agreement
    }

    static func limits(_ bytes: Int) -> WebSocketConfiguration {
        var limits = WebSocketConfiguration()
        limits.maximumMessageBytes = bytes
        return limits
    }

    static func events(_ bytes: [UInt8], limit: Int = 100_000, keepsContext: Bool = true) -> [WebSocketEvent] {
        WebSocketDecoderTests.events(
            [bytes],
            limits: self.limits(limit),
            deflate: self.agreement(keepsContext: keepsContext)
        )
    }

    static func frame(_ payload: [UInt8], opcode: UInt8 = 0x1) -> [UInt8] {
        ClientBytes.frame(opcode, payload, reserved: 0x40)
    }

    /// The examples of RFC 7692 section 7.2.3, which all say "Hello".
    static let examples: [(String, [UInt8])] = [
        ("7.2.3.1, one block", frame([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])),
        (
            "7.2.3.1, two fragments",
            ClientBytes.frame(0x1, [0xF2, 0x48, 0xCD], isFinal: false, reserved: 0x40)
                + ClientBytes.frame(0x0, [0xC9, 0xC9, 0x07, 0x00])
        ),
        ("7.2.3.3, a stored block", frame([0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00])),
        ("7.2.3.4, a final block", frame([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])),
        ("a final block and nothing after it", frame([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])),
        (
            "7.2.3.5, two blocks",
            frame([0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00])
        ),
        ("not compressed at all", ClientBytes.text("Hello")),
    ]

    @Test("The examples of the RFC say Hello, wherever they are cut", arguments: examples)
    func decodesExamples(name: String, bytes: [UInt8]) {
        for cut in 1..<bytes.count {
            let events = WebSocketDecoderTests.events(
                [Array(bytes[..<cut]), Array(bytes[cut...])],
                limits: Self.limits(1000),
                deflate: Self.agreement()
            )
            #expect(events == [.text(ByteBuffer(string: "Hello"))], "cut at \(cut)")
        }
    }

    @Test("A second message may refer to the first, if that was agreed on")
    func contextTakeover() {
        // RFC 7692 section 7.2.3.2.
        let bytes =
            Self.frame([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]) + Self.frame([0xF2, 0x00, 0x11, 0x00, 0x00])
        let hello = WebSocketEvent.text(ByteBuffer(string: "Hello"))
        #expect(Self.events(bytes) == [hello, hello])
        let without = Self.events(bytes, keepsContext: false)
        #expect(without == [hello, .failed(.invalidPayload("payload is not deflate"))])
    }

    @Test("The context outlives a final block, an uncompressed message and an empty one")
    func contextOutlives() {
        let hello = WebSocketEvent.text(ByteBuffer(string: "Hello"))
        let bytes =
            Self.frame([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]) + ClientBytes.text("x") + Self.frame([0x00])
            + Self.frame([]) + Self.frame([0xF2, 0x00, 0x11, 0x00, 0x00])
        let empty = WebSocketEvent.text(ByteBuffer())
        #expect(Self.events(bytes) == [hello, .text(ByteBuffer(string: "x")), empty, empty, hello])
    }

    static let bad: [(String, [UInt8], UInt16)] = [
        ("RSV1 on a continuation", ClientBytes.text("a", isFinal: false) + frame([0], opcode: 0x0), 1002),
        ("RSV1 on a ping", frame([], opcode: 0x9), 1002),
        ("RSV1 on a close", frame([], opcode: 0x8), 1002),
        ("RSV2", ClientBytes.frame(0x1, [0], reserved: 0x60), 1002),
        ("no deflate", frame([0xFF, 0xFF, 0xFF]), 1007),
        ("a block that does not end", frame([0xF2, 0x48, 0xCD]), 1007),
        ("a text that is not UTF-8", frame(ReferenceZlib.deflate([0x61, 0xC0, 0x80])), 1007),
        ("a text that ends within a character", frame(ReferenceZlib.deflate([0xE2, 0x82])), 1007),
        ("a bomb", frame(ReferenceZlib.deflate([UInt8](repeating: 0x61, count: 1_000_000))), 1009),
        ("one byte too many", frame(ReferenceZlib.deflate([UInt8](repeating: 0x61, count: 100_001))), 1009),
        ("too many bytes on the wire", frame([UInt8](repeating: 0, count: 120_000)), 1009),
    ]

    @Test("Whoever breaks a rule gets the code for it", arguments: bad)
    func refuses(name: String, bytes: [UInt8], code: UInt16) {
        guard case .failed(let fault)? = Self.events(bytes).last else {
            Issue.record("\(Self.events(bytes))")
            return
        }
        #expect(fault.code.rawValue == code, "\(fault)")
    }

    @Test("Exactly the limit is taken, compressible or not", arguments: [true, false])
    func takesTheLimit(isCompressible: Bool) {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<100_000).map { _ in isCompressible ? 0x61 : UInt8.random(in: 0...255, using: &generator) }
        let frame = Self.frame(ReferenceZlib.deflate(bytes), opcode: 0x2)
        #expect(Self.events(frame) == [.binary(ByteBuffer(bytes: bytes))])
    }

    @Test("Many small final blocks in one message are one message")
    func manyFinalBlocks() {
        let block = ReferenceZlib.deflate([0x61], isFinal: true)
        let payload = Array(repeatElement(block, count: 1000).joined()) + [0x00]
        #expect(Self.events(Self.frame(payload)) == [.text(ByteBuffer(string: String(repeating: "a", count: 1000)))])
    }
}
