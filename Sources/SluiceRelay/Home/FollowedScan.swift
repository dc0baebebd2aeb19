import DequeModule
import NIOCore
import SluiceBase

/// A scan of a shared log as its home follows it: the queue of changes to write, and the queue of events to act on.
///
/// Loop-confined. It does not interpret records; it keeps the order in which its home acts on them.
final class FollowedScan {
    /// What the engine reported, in order; each event is handled once everything before it is applied.
    enum Event {
        case opening(ScanImage?, place: UInt64)
        case record(LogRecord)
        case opened(RecordHeader?)
        case settled(AppendOutcome)
    }

    /// A question to the log's leader.
    enum Asked {
        case nothing
        /// The newest record's place is asked for.
        case asking(since: NIODeadline)
        /// The leader named that place, and everything up to it is to be applied first.
        case reading(through: UInt64, since: NIODeadline)
    }

    /// A command that waits for the log to be read.
    struct Command {
        let since: NIODeadline
        let run: (RelayRefusal?) -> Void
    }

    let id: ScanID
    private unowned let home: HomeLoop
    /// Whether everything that the log's leader named has been told, so that the scan may be shown and judged.
    var isOpen = false
    var asked = Asked.nothing
    /// The commands that wait for the scan to open, or for the leader's answer, in order.
    var commands: Deque<Command> = []
    var events: Deque<Event> = []
    var line = AppendLine()
    /// Whether a draft is with the engine.
    var isAppending = false
    /// The place of the newest record, even where no channel is open.
    var place: UInt64 = 0
    /// The life that ended at `place`, while its history exists.
    var ended: ScanStanding?
    /// The place of the newest record that ended a life; 0 where none was told.
    var endPlace: UInt64 = 0
    /// The scan's times, by the wall clock.
    var times: ScanTimes?
    /// The answers of the last ten minutes, at most ``IdempotencyBook/maximumRestoredCount``, oldest first, for the
    /// next carry.
    private(set) var answers: Deque<(answer: LogRecord.Answer, at: WallTime)> = []
    /// Messages up to this seq are known to be gone from the log.
    var lostThrough: Seq = 0
    /// When the scan was last used.
    var usedAt: NIODeadline
    /// When the end that the scan is due for is written; nil before it is due.
    var endsAt: NIODeadline?

    init(_ id: ScanID, home: HomeLoop, now: NIODeadline) {
        self.id = id
        self.home = home
        self.usedAt = now
    }

    /// When the question to the leader was asked; nil while none is open.
    var askedAt: NIODeadline? {
        switch self.asked {
        case .nothing: nil
        case .asking(let since), .reading(_, let since): since
        }
    }

    var isAsking: Bool { self.askedAt != nil }

    /// Keeps the answer of an applied record, and drops those that are too old or too many.
    func remember(_ record: LogRecord, now: WallTime) {
        if let answer = record.answer, let at = record.at {
            self.answers.append((answer, at))
        }
        let limit = now.milliseconds - IdempotencyBook.lifetime.nanoseconds / 1_000_000
        while let first = self.answers.first,
            first.at.milliseconds < limit || self.answers.count > IdempotencyBook.maximumRestoredCount
        {
            self.answers.removeFirst()
        }
    }

    /// Replaces everything known of the scan.
    func reset(_ image: ScanImage?, place: UInt64, now: WallTime) {
        self.isOpen = false
        self.asked = .nothing
        self.place = place
        self.ended = nil
        self.endPlace = 0
        self.times = image?.times
        self.answers = Deque(
            (image?.answers ?? [])
                .map { answer in
                    let at = WallTime(milliseconds: now.milliseconds - answer.age.nanoseconds / 1_000_000)
                    return (LogRecord.Answer(request: answer.request, receipt: answer.receipt), at)
                }
        )
    }
}

extension FollowedScan: ScanFollower {
    func opening(_ image: ScanImage?, place: UInt64) {
        self.told(.opening(image, place: place))
    }

    func opened(_ last: RecordHeader?) {
        self.told(.opened(last))
    }

    func notOpened(_ refusal: RelayRefusal) {
        self.home.notOpened(self, refusal)
    }

    func failed(_ refusal: RelayRefusal) {
        self.home.failed(self, refusal)
    }

    func apply(_ records: [LogRecord]) {
        self.events.append(contentsOf: records.map { .record($0) })
        self.home.goOn(self)
    }

    func lost(through seq: Seq) {
        self.home.lost(self, through: seq)
    }

    func image() -> ScanImage? {
        self.events.isEmpty ? self.home.image(of: self) : nil
    }

    func told(_ event: Event) {
        self.events.append(event)
        self.home.goOn(self)
    }
}
