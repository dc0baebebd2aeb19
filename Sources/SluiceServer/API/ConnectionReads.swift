internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// An administrator's reads of live connections.
struct ConnectionReads: Sendable {
    let services: GatewayServices

    /// The most connections listed of each event loop.
    private static let maximumCount = 1000

    /// `GET /api/connections`.
    func list(_ exchange: HTTPExchange, _ identity: Identity) throws(Problem) {
        try Self.check(identity)
        self.services.connections.reports(maximumCount: Self.maximumCount, on: exchange.eventLoop).assumeIsolated()
            .whenSuccess { reports in
                var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 256)
                writer.beginObject()
                writer.member("total", self.services.connections.count)
                writer.name("connections")
                writer.beginArray()
                let sorted = reports.sorted { $0.id < $1.id }
                let tail = ByteBuffer(staticString: "]}")
                let body = HTTPListBody(head: writer.buffer, tail: tail, count: sorted.count) { index, piece in
                    var element = JSONWriter(capacity: 512)
                    sorted[index].write(into: &element)
                    piece.writeImmutableBuffer(element.buffer)
                }
                exchange.respond(.json(), body: body)
            }
    }

    /// `GET /api/connections/{id}`.
    func one(_ exchange: HTTPExchange, _ identity: Identity, _ segment: String) throws(Problem) {
        try Self.check(identity)
        guard let id = ConnectionLimits.ID(segment) else {
            throw Problem(.notFound, "a connection's id is the number in the log and in /api/connections")
        }
        self.services.connections.report(on: id, on: exchange.eventLoop).assumeIsolated()
            .whenSuccess { report in
                guard let report else {
                    exchange.respond(problem: Problem(.notFound, "there is no such connection now"))
                    return
                }
                var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 1024)
                report.write(into: &writer)
                exchange.respond(.json(writer.buffer))
            }
    }

    private static func check(_ identity: Identity) throws(Problem) {
        guard identity.isAdmin else {
            throw Problem(.forbidden, "only an administrator may look at connections")
        }
    }
}
