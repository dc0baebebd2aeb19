import NIOCore
import SluiceWire
import TestSupport
import Testing

@Suite struct DeflateStreamTests {
    static let texts = (0..<60).map { index in
        "{\"seq\":\(index),\"type\":\"hostDiscovered\",\"ip\":\"192.168.\(index / 7).\(index * 13 % 251)\",\"ports\":[22,80]}"
    }

    @Test("What is compressed decodes with the window that was agreed on", arguments: 9...15, [1, 6, 9])
    func roundTrip(windowBits: Int, level: Int) {
        let stream = DeflateStream(level: level, windowBits: windowBits, memoryLevel: 8)
        let long = String(repeating: Self.texts.joined(), count: 3)
        let payloads = (Self.texts + ["", long, ""]).map { text in
            var packed = ByteBuffer()
            stream.compress(ByteBuffer(string: text), flush: .sync, into: &packed)
            return packed
        }
        #expect(ReferenceZlib.inflate(payloads, windowBits: Int32(windowBits)) == Self.texts + ["", long, ""])
        #expect(payloads[30].readableBytes * 3 < Self.texts[30].utf8.count)
    }

    @Test("A newcomer can begin after a full flush and after a reset, and those already there do not notice")
    func newcomers() {
        let stream = DeflateStream(level: 6, windowBits: 15, memoryLevel: 8)
        var payloads: [ByteBuffer] = []
        for (index, text) in Self.texts.enumerated() {
            if index == 40 {
                stream.reset()
            }
            var packed = ByteBuffer()
            stream.compress(ByteBuffer(string: text), flush: index == 19 ? .full : .sync, into: &packed)
            payloads.append(packed)
        }
        #expect(ReferenceZlib.inflate(payloads) == Self.texts)
        #expect(ReferenceZlib.inflate(Array(payloads[20...])) == Array(Self.texts[20...]))
        #expect(ReferenceZlib.inflate(Array(payloads[40...])) == Array(Self.texts[40...]))
        // And nowhere else, or the test would show nothing.
        #expect(ReferenceZlib.inflate(Array(payloads[10...])) != Array(Self.texts[10...]))
    }

    @Test("Full flushes make every payload one of its own, empty ones too")
    func withoutContext() {
        let stream = DeflateStream(level: 6, windowBits: 15, memoryLevel: 8)
        for text in ["same", "same", "", "same"] {
            var packed = ByteBuffer()
            stream.compress(ByteBuffer(string: text), flush: .full, into: &packed)
            #expect(ReferenceZlib.inflate([packed]) == [text])
        }
    }

    @Test("Room that runs out in the middle of an end does no harm", arguments: 0..<80)
    func everyRoom(size: Int) {
        let stream = DeflateStream(level: 0, windowBits: 15, memoryLevel: 1)
        var generator = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let text = String((0..<(size + 40)).map { _ in letters.randomElement(using: &generator) ?? "a" })
        var payloads: [ByteBuffer] = []
        for _ in 0..<3 {
            var packed = ByteBufferAllocator().buffer(capacity: 64)
            stream.compress(ByteBuffer(string: text), flush: .sync, into: &packed)
            payloads.append(packed)
        }
        #expect(ReferenceZlib.inflate(payloads) == [text, text, text])
    }

    @Test("gzip makes one member that says the same", arguments: [0, 1, 100, 30_000])
    func gzipRoundTrip(size: Int) {
        let bytes = (0..<size).map { UInt8($0 * $0 % 97) }
        let member = gzip(ByteBuffer(bytes: bytes), level: 6)
        #expect(member.getInteger(at: 0, as: UInt16.self) == 0x1F8B)
        #expect(ReferenceZlib.gunzip(member) == bytes)
    }
}
