internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// What the head of an ingest request says, read once for all requests of a connection that repeat it.
///
/// The rights of its sender are found once, too, and hold for a further request only as long as the authenticator says
/// that nothing has changed which could end them.
final class IngestFacts {
    /// The configuration that it was read under.
    let settings: GatewaySettings
    /// The scan's name as the path has it.
    let scanSegment: String
    /// Whether the body is a stream of lines.
    let isStream: Bool
    let credentials: Credentials
    /// The scan, or why the path names none.
    let scanID: Result<ScanID, Problem>
    /// How the answer begins if all is taken; empty if there is no scan.
    let answerStart: [UInt8]
    /// The fields, or why they are not taken.
    let head: Result<IngestHead, Problem>
    /// The sender of the last request that was let in.
    private var producer: IngestProducer?

    private init(_ request: HTTPRequest, scanSegment: String, _ settings: GatewaySettings) {
        self.settings = settings
        self.scanSegment = scanSegment
        self.isStream = IngestHead.isStream(request.headers)
        self.credentials = Credentials(request, isWebSocket: false, auth: settings.configuration.auth)
        let scanID = Result { () throws(Problem) in try ScanID(segment: scanSegment) }
        self.scanID = scanID
        self.answerStart = (try? scanID.get()).map { IngestAnswers.start($0) } ?? []
        self.head = Result { () throws(Problem) in try IngestHead(request.headers) }
    }

    /// The facts of a request: those of an earlier one with the same head, or else read now.
    static func of(_ exchange: HTTPExchange, scanSegment: String, _ settings: GatewaySettings) -> IngestFacts {
        if let known = exchange.headNote?.kept as? IngestFacts, known.settings === settings {
            return known
        }
        let facts = IngestFacts(exchange.request, scanSegment: scanSegment, settings)
        exchange.headNote?.kept = facts
        return facts
    }

    /// The sender of an earlier request with this head, if its right to post to the scan still stands.
    func knownProducer(_ services: GatewayServices, now: Double) -> IngestProducer? {
        guard let producer, services.authenticator.holds(producer.lease, now: now) else {
            return nil
        }
        return producer
    }

    /// Somebody was let in who may post to the scan.
    ///
    /// Only a single document without an idempotency key is taken by what is kept.
    func letIn(_ visitor: Gatekeeper.Visitor) {
        guard let lease = visitor.lease, case .success(let scanID) = self.scanID, case .success(let head) = self.head,
            head.form == .document, head.idempotencyKey == nil
        else {
            return
        }
        self.producer = IngestProducer(visitor, lease, scanID, head, self.settings)
    }
}
