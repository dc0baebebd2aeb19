internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// `POST /api/scans/{scanId}/progress`: finds the producer, and hands the body to the reader of its form.
final class IngestHandler: RequestHandler {
    /// A longer document is taken in slices.
    private static let shortBytes = 64 * 1024

    private let services: GatewayServices
    private let loop: LoopServices
    private let scanSegment: String
    private var exchange: HTTPExchange?
    private var facts: IngestFacts?
    /// Who has sent such a request before and is let in at once; a short document of theirs needs no reader.
    private var producer: IngestProducer?
    private var reader: (any IngestReader)?
    /// The bytes received before the producer was known.
    private var early: [ByteBuffer] = []
    private var hasEarlyEnd = false

    init(services: GatewayServices, loop: LoopServices, scanSegment: String, facts: IngestFacts? = nil) {
        self.services = services
        self.loop = loop
        self.scanSegment = scanSegment
        self.facts = facts
    }

    var bodyMode: BodyMode {
        let limits = self.services.settings.configuration.limits
        // Known before the producer is, which may take a while: a stream counts as one from its first byte.
        return self.facts?.isStream ?? false
            ? .stream(idleTimeout: limits.timeouts.streamIdle) : .collect(maximumBytes: limits.maxBodyBytes)
    }

    func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        guard !self.services.isDraining else {
            exchange.respond(problem: self.services.drainClosing(now: exchange.eventLoop.now).problem)
            return
        }
        let facts =
            self.facts ?? IngestFacts.of(exchange, scanSegment: self.scanSegment, self.services.settings)
        self.facts = facts
        if let producer = facts.knownProducer(self.services, now: WallTime.now().seconds) {
            self.producer = producer
            return
        }
        Gatekeeper(services: self.services)
            .identify(exchange, .post, scan: self.scanSegment, facts.credentials) {
                self.identified($0, facts, exchange)
            }
        if self.reader == nil, exchange.isOpen {
            // A key is being fetched, or the application asked: the body waits in the socket until it is known whose it is.
            exchange.pauseReading()
        }
    }

    private func identified(_ visitor: Gatekeeper.Visitor, _ facts: IngestFacts, _ exchange: HTTPExchange) {
        var allowance = IngestAllowance(self.services.limits.ingest, producer: visitor.identity.producerName)
        do throws(Problem) {
            let scanID = try facts.scanID.get()
            guard visitor.identity.mayIngest(scan: scanID.text) else {
                throw Problem(.forbidden, "the token does not allow posting to this scan")
            }
            let head = try facts.head.get()
            if exchange.headNote != nil {
                // Only of use to a request that repeats the head.
                facts.letIn(visitor)
            }
            self.reader = self.makeReader(visitor, scanID, head, facts, exchange, allowance)
        } catch {
            exchange.respond(problem: allowance.fault(error, now: exchange.eventLoop.now))
            return
        }
        exchange.resumeReading()
        for bytes in self.early {
            self.reader?.receivedBytes(bytes)
        }
        self.early.removeAll()
        if self.hasEarlyEnd {
            self.reader?.receivedEnd()
        }
    }

    private func makeReader(
        _ visitor: Gatekeeper.Visitor,
        _ scanID: ScanID,
        _ head: IngestHead,
        _ facts: IngestFacts,
        _ exchange: HTTPExchange,
        _ allowance: IngestAllowance
    ) -> any IngestReader {
        let job = IngestJob(
            services: self.services,
            loop: self.loop,
            exchange: exchange,
            scanID: scanID,
            visitor: visitor,
            head: head,
            answerStart: facts.answerStart,
            allowance: allowance
        )
        return head.form == .lines ? LineIngest(job) : DocumentIngest(job)
    }

    /// The reader of a known producer's document that is not taken at once.
    private func makeReader(_ producer: IngestProducer) -> (any IngestReader)? {
        guard let facts = self.facts, let exchange = self.exchange else {
            return nil
        }
        return self.makeReader(
            producer.visitor,
            producer.scanID,
            producer.head,
            facts,
            exchange,
            IngestAllowance(self.services.limits.ingest, producer: producer.name)
        )
    }

    func receivedBody(_ body: ByteBuffer) {
        if let producer = self.producer, self.reader == nil {
            if body.readableBytes <= Self.shortBytes,
                self.services.authenticator.changeCount == producer.lease.changeCount,
                self.facts?.settings === self.services.settings
            {
                self.producer = nil
                self.take(body, producer)
                return
            }
            self.reader = self.makeReader(producer)
        }
        self.receivedBytes(body)
        self.receivedEnd()
    }

    /// Takes a short document in one go.
    private func take(_ body: ByteBuffer, _ producer: IngestProducer) {
        guard let exchange = self.exchange, let facts = self.facts else {
            return
        }
        let now = exchange.eventLoop.now
        var allowance = IngestAllowance(self.services.limits.ingest, producer: producer.name)
        do throws(Problem) {
            let messages: [Message]
            do throws(MessageError) {
                messages = try producer.parser.parseDocument(body, maximumCount: allowance.burst)
            } catch {
                throw IngestAnswers.problem(error, allowance: &allowance, now: now)
            }
            try allowance.take(messages.count, now: now, place: &producer.bucketPlace)
            let request = IngestRequest(
                scanID: producer.scanID,
                messages: messages,
                at: WallTime.now(),
                owner: producer.head.owner
            )
            IngestAnswers.answer(
                exchange,
                self.services.relay.ingestNow(request, on: exchange.eventLoop),
                facts.answerStart,
                self.loop
            )
        } catch {
            exchange.respond(problem: error)
        }
    }

    func receivedBytes(_ bytes: ByteBuffer) {
        if let reader = self.reader {
            reader.receivedBytes(bytes)
        } else {
            self.early.append(bytes)
        }
    }

    func receivedEnd() {
        if let reader = self.reader {
            reader.receivedEnd()
        } else {
            self.hasEarlyEnd = true
        }
    }

    func refusing(_ problem: Problem) -> Bool {
        self.reader?.refusing(problem) ?? false
    }

    func aborted(_ reason: AbortReason) {
        if let producer = self.producer, self.reader == nil {
            self.reader = self.makeReader(producer)
        }
        self.producer = nil
        self.reader?.aborted()
        self.reader = nil
    }

    func draining() {
        self.reader?.draining()
    }
}

/// The facts that both forms of body need.
struct IngestJob {
    let services: GatewayServices
    let loop: LoopServices
    let exchange: HTTPExchange
    let scanID: ScanID
    let visitor: Gatekeeper.Visitor
    let head: IngestHead
    /// How the answer begins if all is taken.
    let answerStart: [UInt8]

    /// The charge of the request to its producer's bucket.
    var allowance: IngestAllowance

    /// The producer.
    var identity: Identity { self.visitor.identity }

    /// A check for the messages of this request.
    func makeParser() -> MessageParser {
        let settings = self.services.settings
        return MessageParser(
            rules: settings.rules,
            scanID: self.scanID,
            maximumMessageBytes: settings.configuration.limits.maxMessageBytes
        )
    }
}

/// A reader of one form of body.
protocol IngestReader: AnyObject {
    func receivedBytes(_ bytes: ByteBuffer)
    func receivedEnd()
    /// The body did not come in time or is malformed; whether the reader gives the refusal itself.
    func refusing(_ problem: Problem) -> Bool
    func aborted()
    func draining()
}
