import NIOCore
import Testing

@testable import SluiceRelay

@Suite("The memory of compressors")
struct CompressionMemoryTests {
    @Test("What does not fit is refused and counted, and comes back when it is given back")
    func limit() {
        let memory = CompressionMemory(limit: 100)
        #expect(memory.reserve(60))
        #expect(!memory.reserve(60))
        #expect(memory.usedBytes == 60)
        #expect(memory.refusedCount == 1)
        memory.release(60)
        #expect(memory.reserve(100))
    }

    @Test("A group without room goes uncompressed, and one that is idle or gone gives its room back")
    func groups() throws {
        let memory = CompressionMemory(limit: CompressionMemory.deflateBytes(windowBits: 15, memoryLevel: 8))
        let terms = DeflateTerms(level: 6, windowBits: 15, isWithoutContext: false, minimumBytes: 0)
        let text = FrameEncoder(form: .webSocket(.deflate(terms)), scanID: try #require(ScanID("s")), epoch: "e")
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        let entry = LogEntry(
            seq: 1,
            at: TestMessage.time,
            message: TestMessage.ordinary("t", "\"a\":\"\(String(repeating: "a", count: 99))\"")
        )
        var first: GroupEncoder? = GroupEncoder(encoder: text, isBatched: true, memory: memory, sent: 0)
        first?.append(.messages([entry]), now: now)
        #expect(first?.take(through: 1).compressed != nil)
        let second = GroupEncoder(encoder: text, isBatched: true, memory: memory, sent: 0)
        second.append(.messages([entry]), now: now)
        #expect(second.take(through: 1).compressed == nil)
        first?.releaseStreamIfIdle(since: now)
        #expect(memory.usedBytes > 0)
        first?.releaseStreamIfIdle(since: now + .seconds(1))
        #expect(memory.usedBytes == 0)
        second.append(.messages([entry]), now: now)
        #expect(second.take(through: 1).compressed != nil)
        first = nil
        #expect(memory.usedBytes == memory.limit)
    }
}
