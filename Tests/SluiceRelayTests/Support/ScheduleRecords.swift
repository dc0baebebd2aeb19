import NIOCore
import SluiceBase

@testable import SluiceRelay

/// Records of one scan that were made elsewhere, handed in one behind the other: epochs, places and numbers are given
/// here, and no author of the relay has a part in them.
///
/// It is moved on the loop of the scan's home alone.
final class ScheduleRecords {
    let scanID: ScanID
    private let relay: Relay
    private let loop: ScheduleLoop
    private let world: ScheduleWorld
    private var lives = 0
    private var standing: ScanStanding?
    private var pending: [(inout LogRecord) -> Void] = []
    private var isWaiting = false
    /// Told of each record before it is applied.
    var onRecord: (LogRecord, ScanStanding) -> Void = { _, _ in }

    init(scanID: ScanID, relay: Relay, loop: ScheduleLoop, world: ScheduleWorld) {
        self.scanID = scanID
        self.relay = relay
        self.loop = loop
        self.world = world
    }

    /// The scan's home.
    var home: HomeLoop { self.relay.homes[self.relay.home(of: self.scanID)].value }

    /// Hands in a record, once those before it are applied.
    func handIn(_ change: @escaping (inout LogRecord) -> Void) {
        self.pending.append(change)
        self.world.on(self.loop) { self.goOn() }
    }

    private func goOn() {
        while !self.pending.isEmpty {
            let home = self.home
            if let live = home.live(self.scanID), live.isBusy {
                if !self.isWaiting {
                    self.isWaiting = true
                    live.wait {
                        self.isWaiting = false
                        self.goOn()
                    }
                }
                return
            }
            self.apply(self.pending.removeFirst(), to: home)
        }
    }

    private func apply(_ change: (inout LogRecord) -> Void, to home: HomeLoop) {
        let known = home.live(self.scanID)
        if known == nil {
            // Its time was over here, or it ended: the next record opens a life of its own.
            self.lives += 1
            self.standing = ScanStanding(opening: "\(self.scanID.text)\(self.lives)")
        }
        guard let standing = self.standing else {
            return self.world.fail("a scan of which nothing was handed in")
        }
        // Places are of a stream that has other scans' records, too.
        var record = LogRecord(after: standing, place: standing.place + UInt64(self.world.number(1...7)))
        change(&record)
        record.messageCount += record.messages.count
        guard known != nil || record.end == nil else {
            return
        }
        self.onRecord(record, standing)
        let live = known ?? home.open(self.scanID, record, life: nil, now: self.world.now)
        self.standing = ScanStanding(
            epoch: record.epoch,
            place: record.place,
            head: record.messages.isEmpty ? standing.head : record.head,
            messageCount: record.messageCount,
            owner: record.owner,
            name: record.name
        )
        if !home.apply(record, to: live, now: self.world.now) {
            home.applyLater(live) {}
        }
    }
}
