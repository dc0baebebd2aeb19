internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Every path of the admin listener: plaintext, for the operator's own network.
final class AdminRoutes: RequestRouter {
    /// Tells how the gateway is.
    private let services: GatewayServices

    init(services: GatewayServices) {
        self.services = services
    }

    func refused(_ code: ProblemCode) {}

    func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler {
        guard request.method == .GET || request.method == .HEAD else {
            return FixedHandler(Problem(.methodNotAllowed, "allowed here: GET, HEAD", allow: "GET, HEAD"))
        }
        switch request.path {
        case ["healthz"]:
            return FixedHandler(.plain("ok\n"))
        case ["readyz"]:
            if self.services.isDraining {
                return FixedHandler(Problem(.draining, "the gateway is about to stop"))
            }
            if let trouble = self.services.certificates?.trouble(time: WallTime.now().seconds) {
                return FixedHandler(Problem(.certificateUnavailable, trouble))
            }
            let store = self.services.store?.status
            if let failure = store?.failure ?? store?.readFailure.map({ "not read: \($0)" }) {
                return FixedHandler(Problem(.storageUnavailable, failure))
            }
            if let failure = self.services.relay.engineStatus?.failure {
                return FixedHandler(Problem(.storageUnavailable, failure))
            }
            return FixedHandler(.plain("ready\n"))
        case ["metrics"]:
            return MetricsHandler(services: self.services)
        default:
            return FixedHandler(Problem(.notFound, "there are /healthz, /readyz and /metrics"))
        }
    }
}

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
