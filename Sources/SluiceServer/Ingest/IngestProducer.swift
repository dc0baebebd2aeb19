internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Who posts to a scan by requests that are all alike, and what each of them needs.
final class IngestProducer {
    let visitor: Gatekeeper.Visitor
    let lease: CredentialLease
    /// The name under which its messages are counted.
    let name: ByteName
    let scanID: ScanID
    let head: IngestHead
    let parser: MessageParser
    /// Where its bucket of messages was the last time.
    var bucketPlace: Int?

    init(
        _ visitor: Gatekeeper.Visitor,
        _ lease: CredentialLease,
        _ scanID: ScanID,
        _ head: IngestHead,
        _ settings: GatewaySettings
    ) {
        self.visitor = visitor
        self.lease = lease
        self.name = visitor.identity.producerName
        self.scanID = scanID
        self.head = head
        self.parser = MessageParser(
            rules: settings.rules,
            scanID: scanID,
            maximumMessageBytes: settings.configuration.limits.maxMessageBytes
        )
    }
}
