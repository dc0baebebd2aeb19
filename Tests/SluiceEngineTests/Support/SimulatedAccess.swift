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
        self.log.requestCount += 1
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.isLeaderless, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let message = self.log.records.last.map {
                LogMessage(sequence: $0.sequence, headers: $0.headers, body: $0.body)
            }
            self.log.givenBytes += message?.body.readableBytes ?? 0
            self.log.later(mayBeLost: false) { then(.success(message)) }
        }
    }

    func newest(of id: ScanID, then: @escaping (Result<UInt64, LogUnavailable>) -> Void) {
        self.log.requestCount += 1
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.isLeaderless, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let sequence = self.log.records.last?.sequence ?? 0
            self.log.later(mayBeLost: false) { then(.success(sequence)) }
        }
    }

    func look(_ id: ScanID, at sequence: UInt64, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void) {
        self.log.requestCount += 1
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.isLeaderless, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let message = self.log.records.first { $0.sequence >= sequence }
                .map { LogMessage(sequence: $0.sequence, headers: $0.headers, body: $0.body) }
            self.log.later(mayBeLost: false) { then(.success(message)) }
        }
    }

    func read(
        _ id: ScanID,
        from sequence: UInt64,
        maximumBytes: Int,
        each: @escaping (LogMessage) -> Void,
        then: @escaping (Result<Bool, LogUnavailable>) -> Void
    ) {
        self.log.requestCount += 1
        self.log.later(mayBeLost: false) {
            guard !self.isCutOff, !self.log.happens(self.log.faults.lost) else {
                self.log.loop.scheduleTask(in: .milliseconds(500)) { then(.failure(LogUnavailable())) }
                return
            }
            let found = self.log.replica.filter { $0.sequence >= sequence }
            let most = Int.random(in: 1...6, using: &self.log.generator)
            var page: [SimulatedLog.Record] = []
            var bytes = 0
            for record in found.prefix(most) where bytes < maximumBytes {
                page.append(record)
                bytes += record.body.readableBytes
            }
            self.log.givenBytes += bytes
            // Its records come one after another, and its end behind them: what was asked since may be answered between.
            let isSlow = self.log.happens(self.log.faults.slowPages)
            for (index, record) in page.enumerated() {
                let message = LogMessage(sequence: record.sequence, headers: record.headers, body: record.body)
                self.log.loop.scheduleTask(in: .milliseconds(isSlow ? Int64(index) * 40 : 1)) { each(message) }
            }
            let end = TimeAmount.milliseconds(isSlow ? Int64(page.count) * 40 : 1)
            self.log.loop.scheduleTask(in: end) { then(.success(page.count == found.count)) }
        }
    }

    /// Records before it are about to go.
    var oldBefore: UInt64 = 0

    func isOld(_ id: ScanID, base: UInt64) -> Bool { base < self.oldBefore }

    func nudge(_ id: ScanID, _ sequence: UInt64) {}
}
