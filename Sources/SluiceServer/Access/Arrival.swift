internal import SluiceAdmission

/// How a connection came, as far as the operator allows it by configuration: a reload that takes this way away ends the
/// connection.
struct Arrival: Sendable, Equatable {
    /// Where the credential stood.
    enum Carrier: Sendable, Equatable {
        /// In a place that is always allowed: a field, a frame, a ticket, the connection's certificate.
        case field
        /// In the URL.
        case query
        /// In the cookie of this name.
        case cookie(String)
        /// Wherever the application finds it.
        case application

        func isAllowed(by auth: GatewayConfiguration.Auth) -> Bool {
            switch self {
            case .field: true
            case .query: auth.queryToken
            case .cookie(let name): auth.cookie == name
            case .application: auth.forward.url != nil
            }
        }
    }

    /// The origin of the page that opened it, if that may do so only because it is listed.
    var page: WebOrigin?
    var carrier = Carrier.field
}
