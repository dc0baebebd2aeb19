import NIOCore
import SluiceBase
import SluiceRelay

/// One page of a scan's history, out of its records.
///
/// It begins at a mark at or before what is wanted. From there the chain rule says what counts; the mark's own record
/// counts, or it would be none. Backwards it gives what stands between two marks, newest first.
final class HistoryReader {
    /// The most answers of the stream that one page is made of, forwards: it may end empty, and has come further.
    private static let maximumAnswers = 16
    /// How often a server is asked again that has less than is known to be there: it catches up.
    private static let maximumStale = 10
    private static let staleWait = TimeAmount.milliseconds(50)

    private let id: ScanID
    private let epoch: String
    private let request: StoredPageRequest
    private let log: any LogAccess
    private let eventLoop: any EventLoop
    private var marks: LogMarks
    private var chain: ChainReader?
    private var entries: [LogEntry] = []
    private var bytes = 0
    /// The number before the first message that was found.
    private var firstFound: Seq?
    /// Everything up to here was read.
    private var through: Seq
    /// Where the page is cut, forwards.
    private var isFull = false
    private var isDamaged = false
    private let begin: Seq
    /// The newest number that the records which were read speak of.
    private var reached: Seq = 0
    private var answerCount = 0
    /// Messages up to here are gone that stood between two records.
    private var goneThrough: Seq = 0
    private var staleCount = 0
    /// Messages up to here were read and left to the next page, backwards.
    private var droppedThrough: Seq = 0
    private var lastSequence: UInt64 = 0

    init(
        _ id: ScanID,
        epoch: String,
        request: StoredPageRequest,
        log: any LogAccess,
        eventLoop: any EventLoop,
        marks: LogMarks
    ) {
        self.id = id
        self.epoch = epoch
        self.request = request
        self.log = log
        self.eventLoop = eventLoop
        self.marks = marks
        let stretch = request.stretch
        let wanted = stretch.order == .ascending ? stretch.after.next : stretch.through
        let mark = marks.mark(before: wanted)
        self.begin = mark?.first ?? 1
        self.lastSequence = (mark?.sequence ?? 1) - 1
        self.through = stretch.after
    }

    /// What was learnt of a life's records.
    func marks(of epoch: String) -> LogMarks? { epoch == self.epoch ? self.marks : nil }

    func run(then: @escaping (Result<StoredPage, any Error>) -> Void) {
        self.log.read(self.id, from: self.lastSequence + 1) { message in
            self.take(message)
        } then: { result in
            switch result {
            case .failure:
                then(.failure(RelayRefusal.storageUnavailable))
            case .success(let isLast):
                self.answerCount += 1
                if self.isDamaged {
                    then(.failure(RelayRefusal.storageDamaged))
                } else if isLast, !self.isFull, self.reached < self.request.stretch.through {
                    self.askAgain(then)
                } else if self.isFull || isLast || self.isLongEnough {
                    self.finish(isLast: isLast, then)
                    // Its marks are kept, for the next page.
                    self.entries = []
                } else {
                    self.run(then: then)
                }
            }
        }
    }

    private var isLongEnough: Bool {
        self.reached >= self.request.stretch.through
            || (self.request.stretch.order == .ascending && self.answerCount >= Self.maximumAnswers)
    }

    private func askAgain(_ then: @escaping (Result<StoredPage, any Error>) -> Void) {
        self.staleCount += 1
        guard self.staleCount <= Self.maximumStale else {
            then(.failure(self.firstFound == nil ? RelayRefusal.scanNotFound : .storageUnavailable))
            return
        }
        self.eventLoop.assumeIsolated().scheduleTask(in: Self.staleWait) { self.run(then: then) }
    }

    private func take(_ message: LogMessage) {
        self.lastSequence = message.sequence
        guard !self.isFull, !self.isDamaged else { return }
        guard let head = try? RecordHead(message.headers) else {
            self.isDamaged = true
            return
        }
        var chain = self.chain ?? ChainReader(last: head.prev, seen: message.sequence - 1)
        defer { self.chain = chain }
        var verdict = chain.read(message.sequence, prev: head.prev)
        if verdict == .gap {
            // What it names is gone, and the log goes on behind it.
            chain = ChainReader(last: head.prev, seen: message.sequence - 1)
            verdict = chain.read(message.sequence, prev: head.prev)
            self.goneThrough = head.first.previous
        }
        guard verdict == .counts, head.epoch == self.epoch else { return }
        self.marks.note(head.first, at: message.sequence, bytes: message.byteCount)
        if self.firstFound == nil { self.firstFound = head.first.previous }
        self.reached = max(self.reached, head.head)
        guard head.count > 0 else { return }
        guard let records = RecordForm.records(message.body, head, at: message.sequence) else {
            self.isDamaged = true
            return
        }
        for record in records {
            for (index, message) in record.messages.enumerated() where !self.isFull {
                let seq = record.first.advanced(by: index)
                self.take(LogEntry(seq: seq, at: record.at ?? WallTime(milliseconds: 0), message: message))
            }
        }
    }

    private func take(_ entry: LogEntry) {
        let stretch = self.request.stretch
        guard entry.seq > stretch.after else { return }
        guard entry.seq <= stretch.through else {
            self.isFull = true
            return
        }
        let passes = self.request.selection.passes(entry.message)
        if stretch.order == .ascending, passes, !self.entries.isEmpty,
            self.entries.count >= self.request.maximumCount
                || self.bytes + entry.message.byteCount > self.request.maximumBytes
        {
            self.isFull = true
            return
        }
        self.through = entry.seq
        if passes {
            self.entries.append(entry)
            self.bytes += entry.message.byteCount
        }
        guard stretch.order == .descending, self.entries.count > 2 * self.request.maximumCount else { return }
        // Only the newest are wanted: the others are another page's.
        let dropped = self.entries.count - self.request.maximumCount
        self.bytes -= self.entries.prefix(dropped).reduce(0) { $0 + $1.message.byteCount }
        self.droppedThrough = self.entries[dropped - 1].seq
        self.entries.removeFirst(dropped)
    }

    private func finish(isLast: Bool, _ then: (Result<StoredPage, any Error>) -> Void) {
        guard let firstFound = self.firstFound else {
            then(.failure(RelayRefusal.scanNotFound))
            return
        }
        let stretch = self.request.stretch
        let lost = max(self.goneThrough, firstFound > max(self.begin.previous, stretch.after) ? firstFound : 0)
        guard stretch.order == .descending else {
            // What the stream does not have is gone: everything to its end was read.
            let through = !self.isFull && self.reached >= stretch.through ? stretch.through : self.through
            then(.success(StoredPage(entries: self.entries, through: through, lostThrough: lost)))
            return
        }
        var page: [LogEntry] = []
        var bytes = 0
        for entry in self.entries.reversed() {
            guard page.isEmpty || bytes + entry.message.byteCount <= self.request.maximumBytes,
                page.count < self.request.maximumCount
            else {
                break
            }
            bytes += entry.message.byteCount
            page.append(entry)
        }
        let start = max(stretch.after, self.begin.previous, self.droppedThrough)
        let through = page.count < self.entries.count ? page.last?.seq.previous ?? start : start
        then(.success(StoredPage(entries: page, through: through, lostThrough: min(lost, stretch.through))))
    }
}
