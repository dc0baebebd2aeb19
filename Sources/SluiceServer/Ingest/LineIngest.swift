internal import NIOCore
internal import SluiceAdmission
internal import SluiceRelay

/// An `application/x-ndjson` body: each line is relayed as it arrives, for as long as the stream stays open.
///
/// Backpressure is not reading: while messages are on their way to the scan's home, or while the producer is over its
/// rate, the socket is left alone and TCP slows the producer down.
final class LineIngest: IngestReader, LiveConnection {
    private enum State {
        case reading
        /// The stream ended, or was broken off with this problem; the answer waits for what is on its way.
        case ended(Problem?)
        case answered
    }

    let identity: Identity
    private let job: IngestJob
    private let id: ConnectionLimits.ID
    private let openedAt: NIODeadline
    private var splitter: NDJSONLineSplitter
    private var state = State.reading
    private var isPosting = false
    /// Whether all that arrived has been taken apart.
    private var isThrottled = false
    private var acceptedCount = 0
    private var seqs: ClosedRange<Seq>?
    private var expiry: Scheduled<Void>?
    /// No producer waits longer at a time, whatever it owes.
    private static let longestWaitNanoseconds: UInt64 = 3_600_000_000_000
    /// After so many seconds the token is looked at again.
    private static let longestWatchSeconds = 60.0
    /// The most messages in one hop to the scan's home.
    private static let maximumHopCount = 1000

    init(_ job: IngestJob) {
        self.job = job
        self.identity = job.identity
        self.openedAt = job.exchange.eventLoop.now
        self.splitter = NDJSONLineSplitter(
            maximumLineBytes: job.services.settings.configuration.limits.maxMessageBytes
        )
        self.id = job.services.connections.makeID()
        job.services.connections.insert(self, id: self.id, on: job.exchange.eventLoop)
        job.services.metrics.opened("ndjson")
        self.watchToken()
    }

    /// Ends the stream with its token, by the time of day: a clock that jumps is looked at again after a while.
    private func watchToken() {
        guard let expiresAt = self.identity.expiresAt else {
            return
        }
        let leeway = self.job.services.settings.configuration.auth.leeway.seconds
        let left = expiresAt + leeway - WallClock.now()
        guard left > 0 else {
            self.close(.tokenExpired)
            return
        }
        self.expiry = self.job.exchange.eventLoop.assumeIsolated()
            .scheduleTask(in: .milliseconds(Int64(min(left, Self.longestWatchSeconds) * 1000) + 1)) {
                self.watchToken()
            }
    }

    /// It sends, and is sent nothing.
    var blockedSince: NIODeadline? { nil }

    func receivedBytes(_ bytes: ByteBuffer) {
        guard case .reading = self.state else {
            return
        }
        self.splitter.append(bytes)
        self.readOn()
    }

    func receivedEnd() {
        guard case .reading = self.state else {
            return
        }
        self.state = .ended(nil)
        self.readOn()
    }

    func aborted() {
        self.state = .answered
        self.release()
    }

    func draining() {
        self.close(.draining(retryAfterMilliseconds: 1000))
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        let exchange = self.job.exchange
        return exchange.eventLoop.makeSucceededFuture(
            ConnectionReport(
                id: self.id,
                kind: "ndjson",
                user: self.identity.subject,
                peer: exchange.connection.peerAddress,
                age: exchange.eventLoop.now - self.openedAt
            )
        )
    }

    func close(_ closing: Closing) {
        if case .reading = self.state {
            self.end(closing.problem)
        }
    }

    /// Takes lines apart and posts them, one hop at a time.
    private func readOn() {
        guard !self.isPosting, !self.isThrottled else {
            self.job.exchange.pauseReading()
            return
        }
        switch self.state {
        case .answered:
            return
        case .ended(let problem?):
            self.answer(problem)
        case .reading, .ended(nil):
            self.postNext()
        }
    }

    private func postNext() {
        let (messages, lineCount, problem) = self.nextMessages()
        if let problem {
            self.state = .ended(problem)
        }
        if lineCount > 0 || !messages.isEmpty {
            self.post(messages)
        } else if case .ended(let problem) = self.state {
            self.answer(problem)
        } else {
            self.job.exchange.resumeReading()
        }
    }

    /// The whole lines at hand, up to one hop's worth; empty ones count as a sign of life.
    private func nextMessages() -> (messages: [Message], lineCount: Int, problem: Problem?) {
        // Made anew for each hop: the stream may outlast a reload of the rules.
        let parser = self.job.makeParser()
        var messages: [Message] = []
        var lineCount = 0
        do throws(MessageError) {
            while messages.count < Self.maximumHopCount, let line = try self.nextLine() {
                lineCount += 1
                do throws(MessageError) {
                    if let message = try parser.parseLine(line.bytes) {
                        messages.append(message)
                    }
                } catch {
                    return (messages, lineCount - 1, self.problem(error, line: line.number, beside: messages.count))
                }
            }
        } catch {
            let line = self.splitter.lineCount + 1
            return (messages, lineCount, self.problem(error, line: line, beside: messages.count))
        }
        return (messages, lineCount, nil)
    }

    private func nextLine() throws(MessageError) -> NDJSONLineSplitter.Line? {
        if let line = try self.splitter.nextLine() {
            return line
        }
        guard case .ended(nil) = self.state else {
            return nil
        }
        return try self.splitter.finish()
    }

    private func post(_ messages: [Message]) {
        self.isPosting = true
        let exchange = self.job.exchange
        exchange.pauseReading()
        let request = IngestRequest(scanID: self.job.scanID, messages: messages, owner: self.job.head.owner)
        self.job.services.relay.ingest(request, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                self.isPosting = false
                switch result {
                case .success(let receipt):
                    self.acceptedCount += receipt.acceptedCount
                    if let seqs = receipt.seqs {
                        self.seqs = (self.seqs?.lowerBound ?? seqs.lowerBound)...seqs.upperBound
                    }
                    self.pay(for: messages.count)
                case .failure(let error):
                    self.end(IngestAnswers.problem(refusal: error))
                }
            }
    }

    /// Charges the producer for what was taken, and waits until it is within its rate again.
    private func pay(for count: Int) {
        let exchange = self.job.exchange
        let wait = self.job.services.limits.ingest.charge(
            count,
            for: self.identity.producerName,
            now: exchange.eventLoop.now.uptimeNanoseconds
        )
        if case .ended(_?) = self.state {
            // Broken off meanwhile: there is nothing left to slow down.
            self.readOn()
            return
        }
        guard wait > 0 else {
            self.readOn()
            return
        }
        self.isThrottled = true
        exchange.eventLoop.assumeIsolated()
            .scheduleTask(in: .nanoseconds(Int64(clamping: min(wait, Self.longestWaitNanoseconds)))) {
                self.isThrottled = false
                self.readOn()
            }
    }

    private func end(_ problem: Problem) {
        if case .answered = self.state {
            return
        }
        self.state = .ended(problem)
        if !self.isPosting {
            self.answer(problem)
        }
    }

    private func answer(_ problem: Problem?) {
        self.state = .answered
        self.release()
        guard let problem else {
            self.job.exchange.respond(
                IngestAnswers.accepted(
                    self.job.scanID,
                    count: self.acceptedCount,
                    seqs: self.seqs,
                    allocator: self.job.exchange.connection.allocator
                )
            )
            return
        }
        let hasCount = problem.members.contains { $0.name == "accepted" }
        self.job.exchange.respond(
            problem: hasCount ? problem : problem.adding([("accepted", .integer(self.acceptedCount))])
        )
    }

    private func problem(_ error: MessageError, line: Int, beside count: Int) -> Problem {
        IngestAnswers.problem(error, line: line, acceptedCount: self.acceptedCount + count)
    }

    private func release() {
        self.expiry?.cancel()
        self.expiry = nil
        self.job.services.connections.remove(self.id, on: self.job.exchange.eventLoop)
    }
}
