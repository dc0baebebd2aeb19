internal import SluiceAdmission
internal import SluiceHTTP

/// Which page a request comes from, and whether its pages may speak to the gateway.
///
/// The one answer to that, for the refusal of requests and for CORS.
enum RequestOrigin: Sendable, Equatable {
    /// There is no `Origin`: not a browser, or none of its pages.
    case none
    /// A page of the gateway's own.
    case own
    /// A page of an origin that the operator listed.
    case listed(WebOrigin)
    case refused

    init(_ request: HTTPRequest, on connection: HTTPConnectionInfo, _ settings: GatewaySettings) {
        let fields = request.headers["Origin"]
        guard let origin = fields.first else {
            self = .none
            return
        }
        guard fields.count == 1 else {
            self = .refused
            return
        }
        let verdict = settings.origins.verdict(
            origin: origin,
            host: request.authority,
            isSecure: settings.isSecure(request, on: connection)
        )
        switch verdict {
        case .own: self = .own
        case .listed(let page): self = .listed(page)
        case .refused: self = .refused
        }
    }

    /// Whether the page may open a socket or a stream, or ask for a ticket.
    var mayCome: Bool { self != .refused }

    /// The origin, if it may speak to the gateway only because it is listed.
    var page: WebOrigin? {
        if case .listed(let page) = self { page } else { nil }
    }
}
