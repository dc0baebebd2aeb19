internal import NIOCore
internal import NIOHTTP1
internal import SluiceHTTP

/// `GET /metrics`.
final class MetricsHandler: RequestHandler {
    private let services: GatewayServices

    init(services: GatewayServices) {
        self.services = services
    }

    func start(_ exchange: HTTPExchange) {
        MetricsValues.gather(self.services, on: exchange.eventLoop).assumeIsolated()
            .whenSuccess { values in
                exchange.respond(
                    HTTPResponse(
                        status: .ok,
                        contentType: "text/plain; version=0.0.4; charset=utf-8",
                        body: MetricsText.page(values),
                        isStorable: false
                    )
                )
            }
    }
}
