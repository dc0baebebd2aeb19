internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase
internal import SluiceHTTP

/// Logs every request when the head of its answer leaves, if the operator wants that.
///
/// It never shows a secret: of a query only parameters that the gateway knows and that cannot hold one.
struct RequestLog: Sendable {
    /// The parameters that are shown as they are.
    private static let plainNames: Set<String> = [
        "since", "epoch", "filters", "times", "batch", "rate", "encoding", "wait", "limit", "after", "outcome", "sort",
        "before", "order", "severity", "events", "totals",
    ]
    /// Other parameters that the gateway knows.
    ///
    /// Of all others even the name is masked, since it may be the secret.
    private static let knownNames: Set<String> = ["token", "ticket", "access_token", "q"]
    private static let mask = "…"
    /// The most bytes of a segment or a value, the most segments and parameters; more end in the mask.
    private static let (maximumBytes, maximumCount) = (ScanID.maximumLength, 16)

    let logger: Logger

    /// - Parameters:
    ///   - exchange: The request.
    ///   - status: The status of its answer.
    ///   - client: The client's address, if it is known.
    ///   - route: The path of the route that it was passed on by; nil for the gateway's own paths.
    func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus, client: IPAddress?, route: String?) {
        let request = exchange.request
        let duration = exchange.eventLoop.now - exchange.startedAt
        var metadata: Logger.Metadata = [
            "method": "\(Self.shown(request.method.rawValue))",
            "path": "\(route.map { Self.path(request.path, of: $0) } ?? Self.path(request.path))",
            "status": .stringConvertible(status.code),
            "milliseconds": .stringConvertible(Double(duration.nanoseconds / 10_000) / 100),
            "address": "\(client?.description ?? exchange.connection.peerAddress)",
            "request": "\(exchange.requestID)",
        ]
        if let traceID = exchange.trace.traceID {
            metadata["trace"] = "\(traceID)"
        }
        let query = Self.query(request.query)
        if !query.isEmpty, route == nil {
            metadata["query"] = "\(query)"
        }
        self.logger.info("request", metadata: metadata)
    }

    /// The path.
    ///
    /// Of a path outside the API only its beginning is shown: it may hold a secret.
    static func path(_ path: [String]) -> String {
        guard path.first == "api" || path.count <= 1 else {
            return "/\(path[0])/\(Self.mask)"
        }
        return "/" + Self.joined(path.map { Self.shown($0) }, by: "/")
    }

    /// A path that belongs to a route: only the route's own part of it is no secret of the application's.
    static func path(_ path: [String], of route: String) -> String {
        let known = route.split(separator: "/").map(String.init)
        let shown = "/" + Self.joined(known.map { Self.shown($0) }, by: "/")
        guard path.count > known.count else {
            return shown
        }
        return known.isEmpty ? "/\(Self.mask)" : "\(shown)/\(Self.mask)"
    }

    /// The query, with all possible secrets masked.
    static func query(_ query: QueryParameters) -> String {
        let shown = query.all.map { parameter in
            if Self.plainNames.contains(parameter.name) {
                return "\(parameter.name)=\(Self.shown(parameter.value))"
            }
            return Self.knownNames.contains(parameter.name) ? "\(parameter.name)=\(Self.mask)" : Self.mask
        }
        return Self.joined(shown, by: "&")
    }

    private static func joined(_ parts: [String], by separator: String) -> String {
        let shown = parts.prefix(self.maximumCount) + (parts.count > self.maximumCount ? [self.mask] : [])
        return shown.joined(separator: separator)
    }

    /// A part of a target with all that is not plain in it as escapes of RFC 3986, section 2.1; a JWT is masked wherever
    /// it stands.
    private static func shown(_ part: String) -> String {
        let bytes = part.utf8
        // A JWT begins with an encoded `{"`.
        guard !(part.hasPrefix("eyJ") && bytes.contains(UInt8(ascii: "."))) else {
            return self.mask
        }
        var shown = ""
        for byte in bytes.prefix(self.maximumBytes) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                shown.unicodeScalars.append(Unicode.Scalar(byte))
            case _ where "-._~!$'()*+,;:@".utf8.contains(byte):
                shown.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                shown += "%" + Hexadecimal.text([byte]).uppercased()
            }
        }
        return bytes.count > self.maximumBytes ? shown + self.mask : shown
    }
}
