import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceEngine

/// One node's way to a ``SimulatedLog``.
final class SimulatedAccess: LogAccess {
    private let log: SimulatedLog
    /// While it is cut off nothing goes either way.
    var isCutOff = false

    init(_ log: SimulatedLog) {
        self.log = log
    }

    var maximumBodyBytes: Int { self.log.bodyBytes }

    func subscribe(_ id: ScanID, _ receive: @escaping (LogMessage) -> Void) -> Int {
        self.log.nextNumber += 1
        let receiver = { [weak self] (message: LogMessage) in
            if let self, !self.isCutOff { receive(message) }
        }
        self.log.receivers.append((ObjectIdentifier(self), self.log.nextNumber, receiver))
        return self.log.nextNumber
    }

    func unsubscribe(_ subscription: Int) {
        self.log.receivers.removeAll { $0.number == subscription }
    }

    func publish(
        _ headers: MessageHeaders,
        _ body: ByteBuffer,
        to id: ScanID,
        expected: UInt64,
        then: @escaping (AppendMachine.Answer) -> Void
    ) {
        guard !self.isCutOff else {
            self.log.loop.execute { then(.unanswered) }
            return
        }
        let answer = { [weak self] (answer: AppendMachine.Answer) in
            if let self, !self.isCutOff { then(answer) }
        }
        for _ in 0..<(self.log.happens(self.log.faults.doubled) ? 2 : 1) {
            self.log.later {
                self.log.take(headers, body, expected: expected, from: ObjectIdentifier(self), then: answer)
            }
        }
    }

    func head(of id: ScanID, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void) {
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.isLeaderless, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let message = self.log.records.last.map {
                LogMessage(sequence: $0.sequence, headers: $0.headers, body: $0.body)
            }
            self.log.later(mayBeLost: false) { then(.success(message)) }
        }
    }

    func read(
        _ id: ScanID,
        from sequence: UInt64,
        each: @escaping (LogMessage) -> Void,
        then: @escaping (Result<Bool, LogUnavailable>) -> Void
    ) {
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let found = self.log.replica.filter { $0.sequence >= sequence }
            let page = found.prefix(Int.random(in: 1...6, using: &self.log.generator))
            self.log.later(mayBeLost: false) {
                for record in page {
                    each(LogMessage(sequence: record.sequence, headers: record.headers, body: record.body))
                }
                then(.success(page.count == found.count))
            }
        }
    }

    func nudge(_ id: ScanID, _ sequence: UInt64) {}
}
