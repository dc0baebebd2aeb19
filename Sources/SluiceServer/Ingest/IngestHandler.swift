internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// `POST /api/scans/{scanId}/progress`: finds the producer, and hands the body to the reader of its form.
final class IngestHandler: RequestHandler {
    private let services: GatewayServices
    private let gatekeeper: Gatekeeper
    private let scanSegment: String
    private var exchange: HTTPExchange?
    private var reader: (any IngestReader)?
    /// The bytes received before the producer was known.
    private var early: [ByteBuffer] = []
    private var hasEarlyEnd = false
    private var isStream = false

    init(services: GatewayServices, scanSegment: String) {
        self.services = services
        self.gatekeeper = Gatekeeper(services: services)
        self.scanSegment = scanSegment
    }

    var bodyMode: BodyMode {
        let limits = self.services.settings.configuration.limits
        return self.isStream
            ? .stream(idleTimeout: limits.timeouts.streamIdle) : .collect(maximumBytes: limits.maxBodyBytes)
    }

    func start(_ exchange: HTTPExchange) {
        self.exchange = exchange
        guard !self.services.isDraining else {
            exchange.respond(problem: self.services.drainClosing(now: exchange.eventLoop.now).problem)
            return
        }
        let facts = IngestFacts.of(exchange, scanSegment: self.scanSegment, self.services.settings)
        // Known before the producer is, which may take a while: a stream counts as one from its first byte.
        self.isStream = facts.isStream
        self.gatekeeper.identify(exchange, .post, scan: self.scanSegment, facts.credentials) {
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
            let job = IngestJob(
                services: self.services,
                exchange: exchange,
                scanID: scanID,
                visitor: visitor,
                head: head,
                answerStart: facts.answerStart,
                allowance: allowance
            )
            self.reader = head.form == .lines ? LineIngest(job) : DocumentIngest(job)
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

    func receivedBody(_ body: ByteBuffer) {
        self.receivedBytes(body)
        self.receivedEnd()
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
