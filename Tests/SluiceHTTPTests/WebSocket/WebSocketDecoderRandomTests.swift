import NIOCore
import SluiceWire
import TestSupport
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketDecoderRandomTests {
    private static let letters: [Character] = Array("abcdefgh {}\":,0123456789éß€日本😀")

    private static func agreement(keepsContext: Bool) -> PermessageDeflateAgreement {
        var agreement = PermessageDeflateAgreement(answer: "")
        agreement.clientNoContextTakeover = !keepsContext
        return agreement
    }

    /// A client's input: whole bytes, and the expected events.
    private static func conversation(
        keepsContext: Bool,
        using generator: inout SplitMix64
    ) -> (bytes: [UInt8], expected: [WebSocketEvent]) {
        let deflater = DeflateStream(level: 6, windowBits: 15, memoryLevel: 8)
        var bytes: [UInt8] = []
        var expected: [WebSocketEvent] = []
        for _ in 0..<Int.random(in: 1...20, using: &generator) {
            let count = Int.random(in: 0...300, using: &generator)
            let text = String((0..<count).map { _ in self.letters.randomElement(using: &generator) ?? "a" })
            var payload = ByteBuffer(string: text)
            let isCompressed = Bool.random(using: &generator)
            if isCompressed {
                payload.clear()
                deflater.compress(ByteBuffer(string: text), flush: keepsContext ? .sync : .full, into: &payload)
            }
            let isText = Bool.random(using: &generator)
            self.send(
                Array(payload.readableBytesView),
                opcode: isText ? 0x1 : 0x2,
                reserved: isCompressed ? 0x40 : 0,
                into: &bytes,
                expecting: &expected,
                using: &generator
            )
            expected.append(isText ? .text(ByteBuffer(string: text)) : .binary(ByteBuffer(string: text)))
        }
        return (bytes, expected)
    }

    /// Sends one message in as many fragments as chance has it, with pings between them.
    private static func send(
        _ payload: [UInt8],
        opcode: UInt8,
        reserved: UInt8,
        into bytes: inout [UInt8],
        expecting expected: inout [WebSocketEvent],
        using generator: inout SplitMix64
    ) {
        var rest = payload[...]
        var isFirst = true
        while true {
            let count = Bool.random(using: &generator) ? rest.count : Int.random(in: 0...rest.count, using: &generator)
            let isLast = count == rest.count
            bytes += ClientBytes.frame(
                isFirst ? opcode : 0x0,
                Array(rest.prefix(count)),
                isFinal: isLast,
                reserved: isFirst ? reserved : 0,
                key: UInt32.random(in: 0...UInt32.max, using: &generator)
            )
            rest = rest.dropFirst(count)
            isFirst = false
            if isLast { return }
            if Int.random(in: 0..<3, using: &generator) == 0 {
                bytes += ClientBytes.frame(0x9, [UInt8(rest.count & 0xFF)])
                expected.append(.ping(ByteBuffer(bytes: [UInt8(rest.count & 0xFF)])))
            }
        }
    }

    private static func cut(_ bytes: [UInt8], using generator: inout SplitMix64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(rest.count, 200), using: &generator)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    @Test("Whatever a client sends comes out as it was, however it is cut, fragmented and compressed")
    func conversations() {
        for seed in UInt64(0)..<300 {
            var generator = SplitMix64(seed: seed)
            let keepsContext = Bool.random(using: &generator)
            let (bytes, expected) = Self.conversation(keepsContext: keepsContext, using: &generator)
            let events = WebSocketDecoderTests.events(
                Self.cut(bytes, using: &generator),
                limits: WebSocketConfiguration(),
                deflate: Self.agreement(keepsContext: keepsContext)
            )
            #expect(events == expected, "seed \(seed)")
        }
    }

    /// A payload may be wrong twice over, as deflate and as UTF-8; which is seen first depends on how much arrives.
    private static func withoutReason(_ event: WebSocketEvent) -> WebSocketEvent {
        guard case .failed(let fault) = event else { return event }
        return .failed(WebSocketFault(code: fault.code, reason: ""))
    }

    @Test("A damaged byte never makes a difference between two ways of cutting the stream")
    func damage() {
        for seed in UInt64(0)..<500 {
            var generator = SplitMix64(seed: seed)
            var (bytes, _) = Self.conversation(keepsContext: true, using: &generator)
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let agreement = Self.agreement(keepsContext: true)
            let limits = WebSocketConfiguration()
            let whole = WebSocketDecoderTests.events([bytes], limits: limits, deflate: agreement)
            let pieces = Self.cut(bytes, using: &generator)
            let cut = WebSocketDecoderTests.events(pieces, limits: limits, deflate: agreement)
            #expect(whole.map(Self.withoutReason) == cut.map(Self.withoutReason), "seed \(seed)")
        }
    }
}
