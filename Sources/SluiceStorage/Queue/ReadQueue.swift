internal import DequeModule
internal import SluiceBase
internal import SluiceRelay

/// The reads that wait: scans take turns, whatever the number of reads of each.
struct ReadQueue<Job> {
    /// The key that the reads of a scan share; it has one for its life and one for its name.
    enum Scan: Hashable {
        case life(Int64)
        case name(ScanID)
    }

    var isEmpty: Bool { self.count == 0 }

    private let maximumCount: Int
    private var waiting: [Scan: Deque<Job>] = [:]
    /// The scans of which something waits, the next one's turn first.
    private var turns: Deque<Scan> = []
    private var count = 0

    /// - Parameter maximumCount: The most jobs that wait; a scan may have half of them.
    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// Takes a job.
    ///
    /// Returns whether there was room for it.
    mutating func add(_ job: Job, of scan: Scan) -> Bool {
        let ownCount = self.waiting[scan]?.count ?? 0
        guard self.count < self.maximumCount, ownCount < max(1, self.maximumCount / 2) else {
            return false
        }
        if ownCount == 0 {
            self.turns.append(scan)
        }
        self.waiting[scan, default: []].append(job)
        self.count += 1
        return true
    }

    /// The first job of the scan whose turn it is.
    mutating func next() -> Job? {
        guard let scan = self.turns.popFirst(), let job = self.waiting[scan]?.popFirst() else {
            return nil
        }
        self.count -= 1
        if self.waiting[scan]?.isEmpty ?? true {
            self.waiting[scan] = nil
        } else {
            self.turns.append(scan)
        }
        return job
    }
}
