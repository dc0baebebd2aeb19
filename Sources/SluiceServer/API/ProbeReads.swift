internal import NIOCore
internal import NIOHTTP1
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP

/// Shows a caller what the gateway sees of it through the proxies in between.
struct ProbeReads: Sendable {
    let services: GatewayServices

    /// `GET /api/probe`.
    func answer(_ exchange: HTTPExchange) {
        let settings = self.services.settings
        let peer = IPAddress(exchange.connection.peerAddress)
        let request = exchange.request
        let isSecure =
            peer.flatMap { peer in
                settings.forwarded.isSecure(
                    peer: peer,
                    forwardedProto: request.headers["X-Forwarded-Proto"],
                    forwarded: request.headers["Forwarded"]
                )
            } ?? exchange.connection.isTLS
        let client = Gatekeeper(services: self.services).client(of: exchange)
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 256)
        writer.beginObject()
        writer.member("address", client?.description ?? exchange.connection.peerAddress)
        writer.member("scheme", isSecure ? "https" : "http")
        writer.member("authority", request.authority)
        writer.name("isThroughProxy")
        writer.value(peer.map { settings.forwarded.isTrusted($0) } ?? false)
        writer.member("version", Release.version)
        writer.endObject()
        exchange.respond(.json(writer.buffer))
    }
}
