internal import NIOHTTP1
internal import SluiceHTTP

/// The listener for clients that came by `http://`: it sends them to `https://`, and shows authorities what they look for.
///
/// One for all event loops.
final class RedirectRoutes: RequestRouter, Sendable {
    private let services: GatewayServices
    /// Where TLS is spoken.
    private let port: Int

    init(services: GatewayServices, port: Int) {
        self.services = services
        self.port = port
    }

    func refused(_ code: ProblemCode) {
        self.services.metrics.refused(code.rawValue)
    }

    func slowReaderCut() {
        self.services.metrics.refused("slow_reader")
    }

    func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus) {
        if self.services.settings.configuration.log.requests {
            let client = Gatekeeper(services: self.services).client(of: exchange)
            let route = self.services.proxy.route(of: exchange.request.originForm)?.configuration.path
            RequestLog(logger: self.services.logger).answered(exchange, status: status, client: client, route: route)
        }
    }

    func route(_ request: HTTPRequest, on connection: HTTPConnectionInfo) -> any RequestHandler {
        if let refusal = connection.refusal {
            return FixedHandler(refusal)
        }
        guard let location = Self.location(authority: request.authority, target: request.target, port: self.port) else {
            return FixedHandler(Problem(.badRequest, "The Host field names no host to send you to."))
        }
        if let answer = self.answer(to: request) {
            return FixedHandler(.plain(answer))
        }
        // RFC 9110 section 15.4.9: with the same method and body.
        return FixedHandler(.empty(.permanentRedirect, headers: [("Location", location)]))
    }

    /// What an authority looks for (RFC 8555 section 8.3); nil for everything else.
    private func answer(to request: HTTPRequest) -> String? {
        let folder = "/.well-known/acme-challenge/"
        guard request.method == .GET || request.method == .HEAD, request.target.hasPrefix(folder) else {
            return nil
        }
        return self.services.certificates?.answer(to: String(request.target.dropFirst(folder.count)))
    }

    /// The same target where TLS is spoken; nil if the authority names no host.
    static func location(authority: String?, target: String, port: Int) -> String? {
        guard let authority, let host = Self.host(of: authority) else {
            return nil
        }
        return "https://\(host)\(port == 443 ? "" : ":\(port)")\(Self.path(of: target))"
    }

    /// Without its port, in a form that a URL may have.
    private static func host(of authority: String) -> String? {
        var host = authority[...]
        // Only digits distinguish a port from the rest of an address in brackets.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let digits = host[host.index(after: colon)...]
            guard let port = UInt16(digits), port > 0, !digits.hasPrefix("+") else {
                return nil
            }
            host = host[..<colon]
        }
        // An address of version 6 has its brackets.
        guard !host.contains(":") || host.hasPrefix("["), let name = CertificateName(String(host)), !name.isPattern
        else {
            return nil
        }
        return name.inURL
    }

    /// What follows the authority of an absolute target, or the target itself.
    private static func path(of target: String) -> Substring {
        guard target.utf8.first != UInt8(ascii: "/") else {
            return target[...]
        }
        // Behind the two slashes of `http://`; nothing is left of `*`.
        let rest = target.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" && $0 != "?" }
        return rest.hasPrefix("/") ? rest : "/\(rest)"
    }
}
