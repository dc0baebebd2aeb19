internal import NIOHTTP1
internal import SluiceHTTP

/// The answers to browsers about pages of other origins (WHATWG Fetch, section 3.2: CORS).
struct CrossOrigin {
    /// The headers that a page may set on a request besides those that CORS always allows.
    ///
    /// The gateway's own fields, and those that clients of event streams send unasked: they take the place of a
    /// browser's own client, which cannot set `Authorization`. Browsers take no `*` for requests with credentials.
    private static let requestFields = [
        "Accept", "Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Pragma",
        "Scan-Owner", "X-Requested-With",
    ]
    .joined(separator: ", ")

    private let services: GatewayServices

    init(_ services: GatewayServices) {
        self.services = services
    }

    /// The fields of an answer to a page of an allowed origin; none for others.
    ///
    /// Cookies count for the listed origins on sockets, so they do on everything else: never for all origins, which
    /// the list cannot name.
    func fields(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> [(name: String, value: String)] {
        switch RequestOrigin(request, on: connection, self.services.settings) {
        case .none:
            return []
        case .refused:
            return [("Vary", "Origin")]
        case .own, .listed:
            return [
                // As the browser wrote it: it compares byte by byte.
                ("Access-Control-Allow-Origin", request.single("Origin") ?? ""),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Expose-Headers", "Retry-After, Idempotent-Replayed"),
                ("Vary", "Origin"),
            ]
        }
    }

    /// The answer to `OPTIONS`, be it a preflight or not.
    func preflight(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> FixedHandler {
        var fields: [(name: String, value: String)] = [("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS")]
        let origin = RequestOrigin(request, on: connection, self.services.settings)
        if origin != .none, request.headers.contains(name: "Access-Control-Request-Method") {
            guard origin.mayCome else {
                return FixedHandler(Problem(.originRefused, "pages of this origin may not do this"))
            }
            fields += [
                ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE"),
                ("Access-Control-Allow-Headers", Self.requestFields),
                ("Access-Control-Max-Age", "600"),
            ]
        }
        return FixedHandler(HTTPResponse(status: .noContent, headers: fields))
    }
}
