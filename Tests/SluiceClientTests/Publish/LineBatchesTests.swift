import NIOCore
import Testing

@testable import SluiceClient

struct LineBatchesTests {
    private func bodies(_ batches: inout LineBatches) -> [String] {
        var found: [String] = []
        while let batch = batches.next() { found.append(String(buffer: batch.body)) }
        return found
    }

    @Test
    func linesThatAreWholeAreOneArrayAndTheRestWaits() {
        var batches = LineBatches()
        batches.append(ByteBuffer(string: "{\"a\":1}\r\n\n{\"b\":2}\n{\"c\""))
        #expect(self.bodies(&batches) == ["[{\"a\":1}\r,{\"b\":2}]"])
        #expect(batches.next() == nil)
        batches.append(ByteBuffer(string: ":3}"))
        #expect(batches.next() == nil)
        batches.finish()
        let last = batches.next()
        #expect(last.map { String(buffer: $0.body) } == "[{\"c\":3}]" && last?.number == 2 && last?.count == 1)
        #expect(batches.next() == nil)
    }

    @Test
    func anEmptyLineAloneIsASignOfLife() {
        var batches = LineBatches()
        batches.append(ByteBuffer(string: "\n"))
        let batch = batches.next()
        #expect(batch?.count == 0 && batch.map { String(buffer: $0.body) } == "[]")
    }

    @Test
    func anArrayHasSoManyMessagesAndSoManyBytesAtMost() {
        var batches = LineBatches()
        for _ in 0..<450 { batches.append(ByteBuffer(string: "{}\n")) }
        var counts: [Int] = []
        while let batch = batches.next() { counts.append(batch.count) }
        #expect(counts == [200, 200, 50])
        let line = String(repeating: "x", count: 100_000)
        for _ in 0..<5 { batches.append(ByteBuffer(string: line + "\n")) }
        batches.append(ByteBuffer(string: line + line + line + "\n"))
        counts = []
        while let batch = batches.next() {
            counts.append(batch.count)
            #expect(batch.count == 1 || batch.body.readableBytes <= LineBatches.maximumBytes + 200)
        }
        #expect(counts == [2, 2, 1, 1])
    }

    @Test
    func aLineWithoutEndIsNotKeptForEver() {
        var batches = LineBatches()
        batches.append(ByteBuffer(repeating: 0x78, count: LineBatches.maximumLineBytes + 1))
        #expect(batches.next()?.count == 1)
    }
}
