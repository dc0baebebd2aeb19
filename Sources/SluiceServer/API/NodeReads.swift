internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// What an administrator can read of the gateways that share the scans.
struct NodeReads: Sendable {
    let services: GatewayServices

    /// `GET /api/nodes`.
    func list(_ exchange: HTTPExchange, _ identity: Identity) throws(Problem) {
        guard identity.isAdmin else {
            throw Problem(.forbidden, "only an administrator may look at nodes")
        }
        guard let engine = self.services.engine else {
            throw Problem(.notFound, "this gateway is alone: engine.nats.servers names none")
        }
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 1024)
        writer.beginObject()
        writer.name("nodes")
        writer.beginArray()
        for node in engine.nodes {
            writer.beginObject()
            writer.member("name", node.name)
            writer.member("version", node.version)
            writer.member("connections", node.load.connections)
            writer.member("scans", node.load.scans)
            writer.member("draining", node.load.isDraining)
            writer.member("since", Int(node.since))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        exchange.respond(.json(writer.buffer))
    }
}
