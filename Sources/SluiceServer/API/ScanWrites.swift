internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Changes of scans other than posting to them.
struct ScanWrites: Sendable {
    let services: GatewayServices

    /// The longest name of a scan, in bytes.
    private static let maximumNameBytes = 256

    /// `PUT /api/scans/{scanId}`.
    func put(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID, _ body: ByteBuffer) throws(Problem) {
        guard identity.mayIngest(scan: scanID.text) else {
            throw Problem(.forbidden, "the token does not allow posting to this scan")
        }
        let object = try BodyReader.object(body)
        let owner = try object.present("owner")
            .map { value throws(Problem) in
                guard let text = value.string else {
                    throw Problem(.invalidOwner, "owner is a string")
                }
                return try IngestHead.checkedOwner(text)
            }
        let name = try object.present("name")
            .map { value throws(Problem) in
                guard let text = value.string, text.utf8.count <= Self.maximumNameBytes else {
                    throw Problem(.invalidBody, "name is a string of at most \(Self.maximumNameBytes) bytes")
                }
                return text
            }
        self.services.relay.put(scanID, owner: owner, name: name, at: .now(), on: exchange.eventLoop)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let registration):
                    var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 128)
                    writer.beginObject()
                    writer.member("scanId", scanID.text)
                    writer.member("owner", registration.owner)
                    writer.member("name", registration.name)
                    writer.endObject()
                    exchange.respond(.json(writer.buffer, status: registration.isNew ? .created : .ok))
                case .failure(let error):
                    exchange.respond(problem: IngestAnswers.problem(refusal: error))
                }
            }
    }

    /// `DELETE /api/scans/{scanId}`.
    func delete(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID) {
        self.services.relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let found) where identity.mayDelete(scan: scanID.text, owner: found?.owner):
                    self.delete(scanID, exchange)
                case .failure(RelayRefusal.storageDamaged) where identity.mayDelete(scan: scanID.text, owner: nil):
                    // Whose it is cannot be read, nor anything else: it can only be erased.
                    self.delete(scanID, exchange)
                case .success:
                    exchange.respond(problem: Problem(.forbidden, "the token does not allow deleting this scan"))
                case .failure(let error):
                    exchange.respond(problem: IngestAnswers.problem(refusal: error))
                }
            }
    }

    private func delete(_ scanID: ScanID, _ exchange: HTTPExchange) {
        self.services.relay.delete(scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(true):
                    self.services.facets.forget(scanID)
                    exchange.respond(.empty(.noContent))
                case .success(false):
                    exchange.respond(problem: Problem(.scanNotFound))
                case .failure(let error):
                    exchange.respond(problem: IngestAnswers.problem(refusal: error))
                }
            }
    }
}
