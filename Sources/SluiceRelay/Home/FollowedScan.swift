import DequeModule
import NIOCore
import SluiceBase

/// A scan of a shared log as its home follows it: what is to be written, and what is told of it, in order.
///
/// Loop-confined. It decides nothing of what a record says: it keeps the order in which its home is to act.
final class FollowedScan {
    /// What the engine told, in order; each is acted on once everything before it is applied.
    enum Event {
        case opening(ScanImage?, place: UInt64)
        case record(LogRecord)
        case opened(RecordHeader?)
        case settled(AppendOutcome)
    }

    /// What the log's leader was asked.
    enum Asked {
        case nothing
        /// Where the newest record stands.
        case asking(since: NIODeadline)
        /// It said so, and everything up to there is to be applied first.
        case reading(through: UInt64, since: NIODeadline)
    }

    /// Who waits for the log to be read.
    struct Command {
        let since: NIODeadline
        let run: (RelayRefusal?) -> Void
    }

    let id: ScanID
    private unowned let home: HomeLoop
    /// Whether everything that the log's leader named has been told, so that the scan may be shown and judged.
    var isOpen = false
    var asked = Asked.nothing
    /// Who waits for either, in order.
    var commands: Deque<Command> = []
    var events: Deque<Event> = []
    var line = AppendLine()
    /// Whether a draft is with the engine.
    var isAppending = false
    /// The place of the newest record, also where no channel stands.
    var place: UInt64 = 0
    /// The life that ended there, if its history is there still.
    var ended: ScanStanding?
    /// The place of the newest record that ended a life; 0 where none was told.
    var endPlace: UInt64 = 0
    /// When things happened to the scan, by the time of day.
    var times: ScanTimes?
    /// The answers of the last ten minutes, oldest first, for the next carry.
    private(set) var answers: Deque<(answer: LogRecord.Answer, at: WallTime)> = []
    /// Messages up to this seq are gone from the log, as far as was told.
    var lostThrough: Seq = 0
    /// When something was last asked of it.
    var usedAt: NIODeadline
    /// When its end, which time asks for, is to be written; nil before it does.
    var endsAt: NIODeadline?

    init(_ id: ScanID, home: HomeLoop, now: NIODeadline) {
        self.id = id
        self.home = home
        self.usedAt = now
    }

    /// Since when the leader's word is waited for, or what it named; nil while nothing is.
    var askedAt: NIODeadline? {
        switch self.asked {
        case .nothing: nil
        case .asking(let since), .reading(_, let since): since
        }
    }

    var isAsking: Bool { self.askedAt != nil }

    /// A record with an answer was applied.
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

    /// What is known of the scan is to be replaced.
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
