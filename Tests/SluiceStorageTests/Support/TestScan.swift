import NIOCore
import SluiceBase
import Testing

@testable import SluiceRelay
@testable import SluiceStorage

/// A scan as its home would hand it to a store.
final class TestScan {
    let life: Int64
    var header: StoredHeader
    private(set) var log: ScanLog
    private var handedHeader: StoredHeader?

    init(_ name: String, life: Int64?) throws {
        let id = try #require(ScanID(name))
        let life = try #require(life)
        self.life = life
        self.header = StoredHeader(
            id: id,
            epoch: "e\(life)",
            owner: nil,
            name: nil,
            isCompleted: false,
            isRemoved: false
        )
        self.log = ScanLog(epoch: "e\(life)", history: RelayConfiguration.History(), isStored: true)
    }

    /// The write that posting these messages makes; each is a whole JSON object.
    func post(_ texts: [String], at: WallTime = .now()) throws -> StoreWrite {
        let parser = MessageParser(
            rules: MessageRules(RelayConfiguration()),
            scanID: self.header.id,
            maximumMessageBytes: 1 << 20
        )
        var write = StoreWrite(life: self.life, from: self.log.head, head: 0)
        for text in texts {
            let message = try #require(try parser.parseLine(ByteBuffer(string: text)))
            self.log.append(LogEntry(seq: self.log.head.next, at: at, message: message))
        }
        write.head = self.log.head
        write.entries = self.log.page(after: write.from, maximumCount: .max).entries
        write.counts = self.log.counts(of: write.entries).map { StoreWrite.Count(type: $0.key, count: $0.value) }
        if self.handedHeader != self.header {
            write.header = self.header
            self.handedHeader = self.header
        }
        return write
    }
}
