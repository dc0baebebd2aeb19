internal import SluiceBase
internal import SluiceHTTP

/// What the head of an ingest request says, read once for all requests of a connection that repeat it.
///
/// The rights of its sender are no part of it: they are judged anew for each request.
final class IngestFacts {
    /// The configuration that it was read under.
    private let settings: GatewaySettings
    /// Whether the body is a stream of lines.
    let isStream: Bool
    let credentials: Credentials
    /// The scan, or why the path names none.
    let scanID: Result<ScanID, Problem>
    /// How the answer begins if all is taken; empty if there is no scan.
    let answerStart: [UInt8]
    /// The fields, or why they are not taken.
    let head: Result<IngestHead, Problem>

    private init(_ request: HTTPRequest, scanSegment: String, _ settings: GatewaySettings) {
        self.settings = settings
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
}
