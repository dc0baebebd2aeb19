import NIOCore
import SluiceBase
import SluiceRelay

/// One page of a scan's history, out of its records.
///
/// It begins at a mark at or before what is wanted. From there the chain rule says what counts; the mark's own record
/// counts, or it would be none, and where it is gone ``ChainStart`` says with which one the chain begins. Backwards it
/// gives what stands between two marks, newest first.
final class HistoryReader {
    /// The most answers of the stream that one page is made of, forwards: it may end empty, and has come further.
    private static let maximumAnswers = 16
    /// How often a server is asked again that has less than is known to be there: it catches up.
    private static let maximumStale = 10
    private static let staleWait = TimeAmount.milliseconds(50)
    /// The most bytes of one answer.
    private static let maximumAnswerBytes = 4 * 1024 * 1024

    private let id: ScanID
    private let epoch: String
    private let request: StoredPageRequest
    private let log: any LogAccess
    private let eventLoop: any EventLoop
    private var marks: LogMarks
    private var chain: ChainReader?
    /// The mark's record; 0 where there is none.
    private let markedSequence: UInt64
    /// What was read before it is known with which record the chain begins.
    private var start = ChainStart()
    private var early: [(LogMessage, RecordHead)] = []
    /// The newest record that the page has something of, forwards: the next page begins there.
    private var newest: ImageForm.Mark?
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
        marks: LogMarks,
        cut: ImageForm.Mark? = nil
    ) {
        self.id = id
        self.epoch = epoch
        self.request = request
        self.log = log
        self.eventLoop = eventLoop
        self.marks = marks
        let stretch = request.stretch
        let wanted = stretch.order == .ascending ? stretch.after.next : stretch.through
        var mark = marks.mark(before: wanted)
        if let cut, cut.first <= wanted, cut.first >= mark?.first ?? 1 { mark = cut }
        self.begin = mark?.first ?? 1
        self.markedSequence = mark?.sequence ?? 0
        self.lastSequence = max(1, self.markedSequence) - 1
        self.through = stretch.after
    }

    /// What was learnt of a life's records.
    func marks(of epoch: String) -> LogMarks? { epoch == self.epoch ? self.marks : nil }

    /// Where a page forwards of a life was cut.
    func cut(of epoch: String) -> ImageForm.Mark? { epoch == self.epoch ? self.newest : nil }

    /// The bytes of one answer: the page, and what may stand between a mark and its beginning.
    private var answerBytes: Int {
        min(self.request.maximumBytes + LogMarks.firstSpacing, Self.maximumAnswerBytes)
    }

    func run(then: @escaping (Result<StoredPage, any Error>) -> Void) {
        self.log.read(self.id, from: self.lastSequence + 1, maximumBytes: self.answerBytes) { message in
            self.take(message)
        } then: { result in
            switch result {
            case .failure:
                then(.failure(RelayRefusal.storageUnavailable))
            case .success(let isLast):
                self.answerCount += 1
                if isLast, self.chain == nil, self.isAllThere { self.start.best.map { self.begin(with: $0) } }
                if self.isDamaged {
                    then(.failure(RelayRefusal.storageDamaged))
                } else if isLast, !self.isFull, self.reached < self.request.stretch.through {
                    self.askAgain(then)
                } else if self.isFull || isLast || self.isLongEnough {
                    self.finish(isLast: isLast, then)
                    // The reader is kept for its marks, for the next page.
                    self.entries = []
                } else {
                    self.run(then: then)
                }
            }
        }
    }

    /// Whether a server that gives no more has all, as far as can be told.
    private var isAllThere: Bool {
        self.early.last?.1.head ?? 0 >= self.request.stretch.through || self.staleCount >= Self.maximumStale
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
        guard !self.isFull, !self.isDamaged else { return }
        guard let head = try? RecordHead(message.headers, at: message.sequence) else {
            self.isDamaged = true
            return
        }
        self.lastSequence = message.sequence
        if self.chain == nil {
            self.early.append((message, head))
            let index = self.start.take(message.sequence, prev: head.prev, bytes: message.byteCount)
            (message.sequence == self.markedSequence ? 0 : index).map { self.begin(with: $0) }
        } else {
            self.take(message, head)
        }
    }

    private func begin(with index: Int) {
        let early = self.early
        self.early = []
        let (first, head) = early[index]
        self.chain = ChainReader(last: head.prev, seen: first.sequence - 1)
        for (message, head) in early[index...] { self.take(message, head) }
    }

    private func take(_ message: LogMessage, _ head: RecordHead) {
        guard var chain = self.chain, !self.isFull, !self.isDamaged else { return }
        defer { self.chain = chain }
        var verdict = chain.read(message.sequence, prev: head.prev)
        if verdict == .gap {
            // The record that it names is gone, and the log continues behind it.
            chain = ChainReader(last: head.prev, seen: message.sequence - 1)
            verdict = chain.read(message.sequence, prev: head.prev)
            self.goneThrough = head.first.previous
        }
        guard verdict == .counts, head.epoch == self.epoch else { return }
        self.marks.note(head.first, at: message.sequence, bytes: message.byteCount)
        if self.firstFound == nil { self.firstFound = head.first.previous }
        self.reached = max(self.reached, head.head)
        guard head.count > 0 else { return }
        self.newest = ImageForm.Mark(first: head.first, sequence: message.sequence)
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
        guard stretch.order == .descending,
            self.entries.count > 2 * self.request.maximumCount || self.bytes > 2 * self.request.maximumBytes
        else {
            return
        }
        // Only the newest are wanted: the others are another page's.
        var dropped = 0
        while self.entries.count - dropped > max(1, self.request.maximumCount)
            || (self.bytes > self.request.maximumBytes && self.entries.count - dropped > 1)
        {
            self.bytes -= self.entries[dropped].message.byteCount
            dropped += 1
        }
        guard dropped > 0 else { return }
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
            // Messages that the stream lacks are gone: everything to the end of the stretch was read.
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
