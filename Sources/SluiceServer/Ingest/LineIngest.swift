internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// An `application/x-ndjson` body: each line is relayed as it arrives, for as long as the stream stays open.
///
/// Backpressure is not reading: while too much is on its way to the scan's home and to the storage, or while the
/// producer is over its rate, the socket is left alone and TCP slows the producer down. A line does not wait for the
/// one before to be stored.
final class LineIngest: IngestReader, LiveConnection {
    private enum State {
        case reading
        /// The stream ended, or was broken off with this problem; the answer waits for posts on their way.
        case ended(Problem?)
        case answered
    }

    private(set) var identity: Identity
    private let job: IngestJob
    private var allowance: IngestAllowance
    private let id: ConnectionLimits.ID
    private let openedAt: NIODeadline
    private var splitter: NDJSONLineSplitter
    private var state = State.reading
    /// Posts that were not answered yet: relayed, perhaps, and on their way to the storage.
    private var openPosts = 0
    private var openMessages = 0
    private var openBytes = 0
    /// No later post is taken once one was refused, so that all taken messages are before it.
    private let stream = IngestStream()
    /// Whether all that arrived has been taken apart.
    private var isThrottled = false
    /// Ends that.
    private var throttle: Scheduled<Void>?
    private var acceptedCount = 0
    private var seqs: ClosedRange<Seq>?
    private var expiry: Scheduled<Void>?
    private var watch: ApplicationWatch?
    /// No producer waits longer at a time, whatever it owes.
    private static let longestWaitNanoseconds: UInt64 = 3_600_000_000_000
    /// After this many seconds the token is checked again.
    private static let longestWatchSeconds = 60.0
    /// The most lines in one hop to the scan's home.
    private static let maximumHopCount = 1000
    /// The most posts, messages in them and bytes of these that wait for their answer.
    private static let maximumOpenPosts = 256
    private static let maximumOpenMessages = 4000
    private static let maximumOpenBytes = 1024 * 1024

    init(_ job: IngestJob) {
        self.job = job
        self.allowance = job.allowance
        self.identity = job.identity
        self.openedAt = job.exchange.eventLoop.now
        self.splitter = NDJSONLineSplitter(
            maximumLineBytes: job.services.settings.configuration.limits.maxMessageBytes
        )
        self.id = job.services.connections.makeID()
        job.services.connections.insert(self, id: self.id, on: job.exchange.eventLoop)
        job.services.metrics.opened("ndjson")
        self.watchToken()
        self.watch = ApplicationWatch(
            self,
            job.identity,
            job.visitor.errand,
            services: job.services,
            on: job.exchange.eventLoop
        )
        self.wait(self.allowance.open(now: self.openedAt))
    }

    /// Ends the stream with its token, by the time of day: a clock that jumps is looked at again after a while.
    private func watchToken() {
        guard let expiresAt = self.identity.expiresAt else {
            return
        }
        let leeway = self.job.services.settings.configuration.auth.leeway.seconds
        let left = expiresAt + leeway - WallTime.now().seconds
        guard left > 0 else {
            self.close(.tokenExpired)
            return
        }
        self.expiry = self.job.exchange.eventLoop.assumeIsolated()
            .scheduleTask(in: .milliseconds(Int64(clamping: min(left, Self.longestWatchSeconds) * 1000) + 1)) {
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

    /// The answer includes the number of messages taken before.
    func refusing(_ problem: Problem) -> Bool {
        self.end(problem)
        return true
    }

    func aborted() {
        self.state = .answered
        self.release()
    }

    func draining() {
        self.close(self.job.services.drainClosing(now: self.job.exchange.eventLoop.now))
    }

    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport> {
        let exchange = self.job.exchange
        return exchange.eventLoop.makeSucceededFuture(
            ConnectionReport(
                id: self.id,
                kind: "ndjson",
                user: self.identity.subject.text,
                peer: exchange.connection.peerAddress,
                age: self.age
            )
        )
    }

    /// Pages may post from everywhere, as long as they show a token themselves.
    var arrival: Arrival { Arrival(carrier: self.job.visitor.carrier) }

    var age: TimeAmount { self.job.exchange.eventLoop.now - self.openedAt }

    var certificate: ClientCertificate? { self.job.exchange.connection.clientCertificate }

    func goOn(as identity: Identity, leeway: Double) -> Bool {
        guard identity.mayIngest(scan: self.job.scanID.text) else {
            self.close(.notAdmitted)
            return false
        }
        self.identity = identity
        return true
    }

    func reconsider(as identity: Identity) {
        guard identity.mayIngest(scan: self.job.scanID.text) else {
            self.close(.notAllowed)
            return
        }
        self.identity = identity
        self.expiry?.cancel()
        self.watchToken()
    }

    /// Also where the body has ended, and its last lines wait for the producer's rate: they are not taken.
    func close(_ closing: Closing) {
        self.end(closing.problem)
    }

    /// Takes lines apart and posts them, one hop at a time.
    private func readOn() {
        if case .ended(let problem?) = self.state {
            // Also for a slowed stream: there is nothing left to slow down.
            self.answerWhenDone(problem)
            return
        }
        guard !self.isThrottled, self.openPosts < Self.maximumOpenPosts,
            self.openMessages < Self.maximumOpenMessages, self.openBytes < Self.maximumOpenBytes
        else {
            self.job.exchange.pauseReading()
            return
        }
        if case .answered = self.state {
            return
        }
        self.postNext()
    }

    /// The answer counts the messages taken, so it waits for all posts on their way.
    private func answerWhenDone(_ problem: Problem?) {
        if self.openPosts == 0 {
            self.answer(problem)
        }
    }

    private func postNext() {
        let (messages, lineCount, problem) = self.nextMessages()
        if let problem {
            self.state = .ended(problem)
        }
        if lineCount > 0 || !messages.isEmpty {
            self.post(messages, lineCount: lineCount)
        } else if case .ended(let problem) = self.state {
            self.answerWhenDone(problem)
        } else {
            self.job.exchange.resumeReading()
        }
    }

    /// The most that the messages of one hop may come to before its last one, in bytes: a shared log takes them as one.
    private var maximumHopBytes: Int {
        guard let limit = self.job.services.relay.maximumRequestBytes else {
            return .max
        }
        return limit - Self.hopBytes(self.job.services.settings.configuration.limits.maxMessageBytes)
    }

    /// What a message takes of a hop at most: its key may repeat all of it.
    private static func hopBytes(_ byteCount: Int) -> Int {
        2 * byteCount + 512
    }

    /// The whole lines at hand, up to one hop's worth; empty ones count as a sign of life.
    private func nextMessages() -> (messages: [Message], lineCount: Int, problem: Problem?) {
        // Made anew for each hop: the stream may outlast a reload of the rules.
        let parser = self.job.makeParser()
        var messages: [Message] = []
        var lineCount = 0
        let maximumBytes = self.maximumHopBytes
        var bytes = 0
        do throws(MessageError) {
            while lineCount < Self.maximumHopCount, lineCount == 0 || bytes <= maximumBytes,
                let line = try self.nextLine()
            {
                lineCount += 1
                do throws(MessageError) {
                    if let message = try parser.parseLine(line.bytes) {
                        messages.append(message)
                        bytes += Self.hopBytes(message.byteCount)
                    }
                } catch {
                    return (messages, lineCount - 1, self.problem(error, line: line.number))
                }
            }
        } catch {
            let line = self.splitter.lineCount + 1
            return (messages, lineCount, self.problem(error, line: line))
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

    private func post(_ messages: [Message], lineCount: Int) {
        self.openPosts += 1
        self.openMessages += messages.count
        let byteCount = messages.reduce(0) { $0 + $1.body.readableBytes }
        self.openBytes += byteCount
        let exchange = self.job.exchange
        exchange.pauseReading()
        // Before the post: its answer may come within the call, and reads on.
        self.pay(for: lineCount)
        var request = IngestRequest(
            scanID: self.job.scanID,
            messages: messages,
            at: WallTime.now(),
            owner: self.job.head.owner
        )
        request.stream = self.stream
        let messageCount = messages.count
        switch self.job.services.relay.ingestNow(request, on: exchange.eventLoop) {
        case .taken(let receipt): self.settled(.success(receipt), messageCount, byteCount)
        case .refused(let refusal): self.settled(.failure(refusal), messageCount, byteCount)
        case .pending(let future):
            future.assumeIsolated().whenComplete { self.settled($0, messageCount, byteCount) }
        }
        if !self.isThrottled {
            self.readOn()
        }
    }

    private func settled(_ result: Result<IngestReceipt, any Error>, _ messageCount: Int, _ byteCount: Int) {
        self.openPosts -= 1
        self.openMessages -= messageCount
        self.openBytes -= byteCount
        switch result {
        case .success(let receipt):
            self.taken(receipt)
        case .failure(RelayRefusal.notStored(let receipt)):
            self.count(receipt)
            self.stop(IngestAnswers.streamNotStored)
        case .failure(let error):
            self.stop(IngestAnswers.problem(refusal: error))
        }
    }

    private func taken(_ receipt: IngestReceipt) {
        self.count(receipt)
        self.readOn()
    }

    /// Numbered messages need not be sent again, whether they are stored now or later.
    private func count(_ receipt: IngestReceipt) {
        self.acceptedCount += receipt.acceptedCount
        if let seqs = receipt.seqs {
            // One post's answer may overtake another's.
            let known = self.seqs ?? seqs
            self.seqs = min(known.lowerBound, seqs.lowerBound)...max(known.upperBound, seqs.upperBound)
        }
    }

    private func stop(_ problem: Problem) {
        self.stream.breakOff()
        self.end(problem)
        self.readOn()
    }

    /// Charges the producer for the messages taken; over its rate, nothing more is read until it is within the rate
    /// again.
    private func pay(for lineCount: Int) {
        let wait = self.allowance.charge(lineCount, now: self.job.exchange.eventLoop.now)
        if case .ended(_?) = self.state {
            // Broken off meanwhile: there is nothing left to slow down.
            return
        }
        self.wait(wait)
    }

    private func wait(_ nanoseconds: UInt64) {
        guard nanoseconds > 0 else {
            return
        }
        self.isThrottled = true
        self.throttle = self.job.exchange.eventLoop.assumeIsolated()
            .scheduleTask(in: .nanoseconds(Int64(clamping: min(nanoseconds, Self.longestWaitNanoseconds)))) {
                self.throttle = nil
                self.isThrottled = false
                self.readOn()
            }
    }

    private func end(_ problem: Problem) {
        if case .answered = self.state {
            return
        }
        if case .ended(_?) = self.state {
            return
        }
        self.state = .ended(problem)
        self.answerWhenDone(problem)
    }

    private func answer(_ problem: Problem?) {
        self.state = .answered
        self.release()
        guard let problem else {
            let response = IngestAnswers.accepted(
                self.job.answerStart,
                count: self.acceptedCount,
                seqs: self.seqs,
                body: &self.job.loop.answerBody
            )
            self.job.exchange.respond(response)
            return
        }
        var members: [(String, Problem.Value)] = [("accepted", .integer(self.acceptedCount))]
        if let lastSeq = self.seqs?.upperBound {
            members.append(("lastSeq", .integer(Int(clamping: lastSeq.rawValue))))
        }
        self.job.exchange.respond(problem: problem.adding(members))
    }

    private func problem(_ error: MessageError, line: Int) -> Problem {
        IngestAnswers.problem(error, line: line)
    }

    private func release() {
        // Neither may outlive the stream: each holds it, and with it the connection.
        self.expiry?.cancel()
        self.expiry = nil
        self.throttle?.cancel()
        self.throttle = nil
        self.watch?.stop()
        self.watch = nil
        if self.job.services.connections.remove(self.id, on: self.job.exchange.eventLoop) {
            self.job.services.metrics.ended("ndjson")
        }
    }
}
