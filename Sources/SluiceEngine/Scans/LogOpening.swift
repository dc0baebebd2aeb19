import NIOCore
import SluiceBase
import SluiceRelay

/// The beginning of a scan's log while it is read: the carry it begins with, in parts, and the records since.
struct LogOpening {
    /// What the follower is to be told now.
    struct Shown {
        /// Where the log begins; nil where that was told, or is not known yet.
        var place: UInt64?
        var image: ScanImage?
        var marks: [ImageForm.Mark]?
        var lostThrough: Seq?
        var records: [[LogRecord]] = []
        /// Whether the carry is none: nothing is to be shown then.
        var isDamaged = false
    }

    private let base: UInt64
    private let behind: UInt64?
    /// Whether nothing of it has been read.
    private(set) var isFirst = true
    private(set) var isShown = false
    private var place: UInt64 = 0
    private var lostThrough: Seq?
    /// The parts of the carry that it begins with; nil where it begins with none.
    private var parts: ByteBuffer?
    private var carryID = ""
    /// What the carry's first part says of the scan.
    private var head: RecordHead?
    private var isComplete = false
    private var waiting: [[LogRecord]] = []

    /// - Parameters:
    ///   - base: Where reading begins.
    ///   - behind: The record that the first one is known to follow.
    init(base: UInt64, behind: UInt64?) {
        self.base = base
        self.behind = behind
    }

    /// Takes a record that counts.
    mutating func take(_ message: LogMessage, _ head: RecordHead, _ records: [LogRecord], isComplete: Bool) {
        if self.isFirst {
            self.isFirst = false
            self.place = head.prev
            if self.behind == nil, message.sequence != self.base, head.first > 1 {
                self.lostThrough = head.first.previous
            }
            switch head.kind {
            case .carry(let part) where part.index == 1:
                self.parts = ByteBuffer()
                self.carryID = CarryWriting.id(ofPart: head.id)
                self.head = head
            case .end:
                // Its history was erased, and who has it open is told why.
                self.lostThrough = nil
            case .carry, .messages, .signOfLife, .names:
                break
            }
        }
        self.waiting.append(records)
        if !self.isComplete, case .carry = head.kind, CarryWriting.id(ofPart: head.id) == self.carryID {
            self.parts?.writeImmutableBuffer(message.body)
            self.isComplete = isComplete
        }
    }

    /// What is to be told now.
    ///
    /// - Parameters:
    ///   - isAll: Whether the log has been read to its end, so that nothing more is waited for.
    ///   - now: The wall clock.
    /// - Returns: What has not been told before.
    mutating func show(isAll: Bool, now: WallTime) -> Shown {
        var shown = Shown()
        guard self.isShown || self.parts == nil || self.isComplete || isAll, !self.isFirst else {
            return shown
        }
        if !self.isShown {
            self.isShown = true
            shown.place = self.place
            shown.lostThrough = self.lostThrough
            if self.isComplete, let parts = self.parts {
                guard let (image, marks) = ImageForm.image(parts, at: self.place, now: now), let head = self.head,
                    image.standing.epoch == head.epoch, image.standing.head == head.first.previous
                else {
                    shown.isDamaged = true
                    return shown
                }
                (shown.image, shown.marks) = (image, marks)
                shown.lostThrough = nil
            }
            self.parts = nil
        }
        shown.records = self.waiting
        self.waiting = []
        return shown
    }
}
