import NIOCore
import SluiceBase
import SluiceWire
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
        for _ in 1...3 {
            second.append(.messages([entry]), now: now)
            #expect(second.take(through: 1).compressed == nil)
        }
        #expect(memory.refusedCount == 1)
        first?.releaseStreamIfIdle(since: now - .nanoseconds(1))
        #expect(memory.usedBytes > 0)
        first?.releaseStreamIfIdle(since: now)
        #expect(memory.usedBytes == 0)
        second.append(.messages([entry]), now: now)
        #expect(second.take(through: 1).compressed != nil)
        first = nil
        #expect(memory.usedBytes == memory.limit)
    }

    @Test("A quiet scan's compressor is given up after half a minute, whatever else happens or does not")
    func quietScan() throws {
        let schedule = try ScheduleOfOneScan(loopCount: 1)
        let terms = DeflateTerms(level: 6, windowBits: 15, isWithoutContext: false, minimumBytes: 0)
        let client = try schedule.subscriber(form: .webSocket(.deflate(terms)))
        let message = TestMessage.ordinary("t", "\"a\":\"\(String(repeating: "a", count: 99))\"")
        schedule.post(message)
        let start = schedule.world.now
        schedule.world.advanceThroughTimers(upTo: start + .seconds(29))
        #expect(schedule.memory.usedBytes > 0)
        schedule.world.advanceThroughTimers(upTo: start + .seconds(31))
        #expect(schedule.memory.usedBytes == 0)
        schedule.post(message)
        #expect(try schedule.end([client]).isEmpty)
    }
}
