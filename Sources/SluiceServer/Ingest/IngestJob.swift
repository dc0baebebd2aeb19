internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// What both forms of body need to know.
struct IngestJob {
    let services: GatewayServices
    let exchange: HTTPExchange
    let scanID: ScanID
    let visitor: Gatekeeper.Visitor
    let head: IngestHead

    /// What the request takes of its producer's bucket.
    var allowance: IngestAllowance

    /// Who posts.
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
