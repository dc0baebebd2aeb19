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
        let request = exchange.request
        let client = Gatekeeper(services: self.services).client(of: exchange)
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 256)
        writer.beginObject()
        writer.member("address", client?.description ?? exchange.connection.peerAddress)
        writer.member("scheme", settings.isSecure(request, on: exchange.connection) ? "https" : "http")
        writer.member("authority", request.authority)
        writer.name("isThroughProxy")
        writer.value(settings.isTrusted(exchange.connection))
        writer.member("version", Release.version)
        writer.endObject()
        exchange.respond(.json(writer.buffer))
    }
}
