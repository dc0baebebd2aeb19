internal import NIOHTTP1
internal import SluiceAdmission

/// What browsers are told about pages of other origins (WHATWG Fetch, section 3.2: CORS).
struct CrossOrigin {
    private let services: GatewayServices

    init(_ services: GatewayServices) {
        self.services = services
    }

    /// The fields of an answer to a page of an allowed origin; none for others.
    func fields(_ request: HTTPRequest, isTLS: Bool) -> [(name: String, value: String)] {
        guard let origin = request.single("Origin") else {
            return []
        }
        guard self.allows(origin, request, isTLS: isTLS) else {
            return [("Vary", "Origin")]
        }
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "Retry-After, Idempotent-Replayed"),
            ("Vary", "Origin"),
        ]
    }

    /// The answer to `OPTIONS`, be it a preflight or not.
    func preflight(_ request: HTTPRequest, isTLS: Bool) -> FixedHandler {
        var fields: [(name: String, value: String)] = [("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS")]
        if let origin = request.single("Origin"), request.headers.contains(name: "Access-Control-Request-Method") {
            guard self.allows(origin, request, isTLS: isTLS) else {
                return FixedHandler(Problem(.originRefused, "pages of this origin may not do this"))
            }
            fields += [
                ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE"),
                (
                    "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Scan-Owner"
                ),
                ("Access-Control-Max-Age", "600"),
            ]
        }
        return FixedHandler(HTTPResponse(status: .noContent, headers: fields))
    }

    private func allows(_ origin: String, _ request: HTTPRequest, isTLS: Bool) -> Bool {
        self.services.settings.origins.allows(origin: origin, host: request.authority, isSecure: isTLS)
    }
}
