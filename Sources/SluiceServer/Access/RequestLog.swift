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

    let logger: Logger

    func answered(_ exchange: HTTPExchange, status: HTTPResponseStatus, client: IPAddress?) {
        let request = exchange.request
        let duration = exchange.eventLoop.now - exchange.startedAt
        var metadata: Logger.Metadata = [
            "method": "\(request.method.rawValue)",
            "path": "\(Self.path(request.path))",
            "status": .stringConvertible(status.code),
            "milliseconds": .stringConvertible(Double(duration.nanoseconds / 10_000) / 100),
            "address": "\(client?.description ?? exchange.connection.peerAddress)",
            "request": "\(exchange.trace.requestID)",
        ]
        if exchange.trace.isContinued {
            metadata["trace"] = "\(exchange.trace.traceID)"
        }
        let query = Self.query(request.query)
        if !query.isEmpty {
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
        return "/" + path.joined(separator: "/")
    }

    /// The query, with all possible secrets masked.
    static func query(_ query: QueryParameters) -> String {
        query.all
            .map { parameter in
                if Self.plainNames.contains(parameter.name) {
                    return "\(parameter.name)=\(parameter.value)"
                }
                return Self.knownNames.contains(parameter.name) ? "\(parameter.name)=\(Self.mask)" : Self.mask
            }
            .joined(separator: "&")
    }
}
