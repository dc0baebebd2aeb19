import NIOCore
import SluiceBase

@testable import SluiceRelay

/// The log that several relays of one schedule share: what a stream of records with compare-and-set does, in memory.
///
/// It keeps the promise of nobody: now and then it takes a record that expected another place, as servers have done.
final class ScheduleLog {
    struct Stored {
        let place: UInt64
        let prev: UInt64
        let draft: Int
        let records: [LogRecord]
        let header: RecordHeader
        /// Whether it stands behind the last one that counted.
        let counts: Bool
    }

    private let world: ScheduleWorld
    private(set) var records: [ScanID: [Stored]] = [:]
    private(set) var carries: [ScanID: ScanImage] = [:]
    private var counted: [ScanID: UInt64] = [:]
    private var place: UInt64 = 0
    private var drafts = 0
    private(set) var voidCount = 0
    /// Scans of which something stands there that cannot be read.
    private var damaged: Set<ScanID> = []
    /// Those that are told what is stored.
    var engines: [ScheduleEngine] = []
    /// Told of each record that counts, when it is stored.
    var onRecord: (ScanID, [LogRecord]) -> Void = { _, _ in }

    init(world: ScheduleWorld) {
        self.world = world
    }

    func makeDraft() -> Int {
        self.drafts += 1
        return self.drafts
    }

    /// The place of the newest record, whether it counts or not.
    func end(of id: ScanID) -> UInt64 { self.records[id]?.last?.place ?? 0 }

    /// The newest record that counts.
    func last(of id: ScanID) -> Stored? { self.records[id]?.last { $0.counts } }

    /// The records that count after a place.
    func counted(_ id: ScanID, after place: UInt64) -> [Stored] {
        (self.records[id] ?? []).filter { $0.counts && $0.place > place }
    }

    /// Stores a draft if the newest record stands where its writer expects it.
    func store(_ draft: RecordDraft, number: Int, of id: ScanID, expecting end: UInt64) -> Bool {
        guard self.end(of: id) == end || self.world.chance(5) else {
            return false
        }
        // Other scans' records stand in the same stream.
        self.place += UInt64(self.world.number(1...3))
        let prev = draft.records[0].prev
        let counts = prev == self.counted[id] ?? 0
        var records = draft.records
        for index in records.indices {
            records[index].place = self.place
            records[index].prev = index == 0 ? prev : self.place
        }
        let last = records[records.count - 1]
        var standing = ScanStanding(
            epoch: last.epoch,
            place: self.place,
            head: last.head,
            messageCount: last.messageCount,
            owner: last.owner,
            name: last.name
        )
        standing.isNew = false
        let header = RecordHeader(id: id, standing: standing, times: draft.times, end: last.end, fold: draft.fold)
        let stored = Stored(
            place: self.place,
            prev: prev,
            draft: number,
            records: records,
            header: header,
            counts: counts
        )
        self.records[id, default: []].append(stored)
        if counts {
            self.counted[id] = self.place
            self.onRecord(id, records)
            for engine in self.engines {
                engine.stored(id)
            }
        } else {
            self.voidCount += 1
        }
        return true
    }

    func keep(_ image: ScanImage, of id: ScanID) {
        if image.standing.place > self.carries[id]?.standing.place ?? 0 {
            self.carries[id] = image
        }
    }

    func erase(_ id: ScanID, before place: UInt64) {
        self.records[id]?.removeAll { $0.place < place }
        self.carries[id] = nil
        if place == .max {
            self.counted[id] = nil
            self.damaged.remove(id)
        }
    }

    func isDamaged(_ id: ScanID) -> Bool { self.damaged.contains(id) }

    func damage(_ id: ScanID) {
        self.damaged.insert(id)
        for engine in self.engines {
            engine.stored(id)
        }
    }
}
