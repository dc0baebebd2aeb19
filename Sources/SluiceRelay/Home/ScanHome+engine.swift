import DequeModule
import NIOCore
import SluiceBase

extension ScanHome {
    /// What a carry has to repeat of the scan.
    func image(
        _ times: ScanTimes,
        answers: Deque<(answer: LogRecord.Answer, at: WallTime)>,
        now: WallTime
    ) -> ScanImage {
        let kept = (Array(self.log.critical) + Array(self.log.state)).sorted { $0.seq < $1.seq }
        return ScanImage(
            standing: self.standing,
            tail: StoredTail(entries: kept, evictedThrough: self.log.head, counts: self.log.counts),
            fold: self.log.fold,
            answers: answers.map { answer, at in
                StoredAnswer(
                    request: answer.request,
                    receipt: answer.receipt,
                    age: .milliseconds(max(0, now.milliseconds - at.milliseconds))
                )
            },
            times: times
        )
    }

    /// Drops the scan from memory and closes its subscribers: they reconnect and resume where they were.
    func drop() {
        for member in self.members.values {
            let id = member.id
            self.context.loops.run(on: member.loop) { $0.end(id, .storageUnavailable) }
        }
        self.clear()
    }

    /// The age of a record by the wall clock; zero in a process that does not share its log.
    func age(of record: LogRecord) -> TimeAmount {
        guard self.context.engine != nil, let at = record.at else {
            return .zero
        }
        return .milliseconds(max(0, self.context.wallClock().milliseconds - at.milliseconds))
    }
}
