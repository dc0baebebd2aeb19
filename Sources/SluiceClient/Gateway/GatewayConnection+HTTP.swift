import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension GatewayConnection {
    /// The headers that every request to the gateway bears.
    ///
    /// - Parameter token: The credential's current token, which a refusal is then about.
    /// - Returns: The headers.
    func headers(token: String?) -> HTTPHeaders {
        var headers = HTTPHeaders([("User-Agent", Self.userAgent)])
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        return headers
    }

    /// How requests to the gateway are made: HTTP/1.1, no detours, and no tries but our own.
    func httpConfiguration(connectTimeout: TimeAmount) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: self.tls,
            // A redirection would take the token to wherever it points.
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: connectTimeout, read: nil)
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}

extension GatewayProblem {
    /// Reads a refusal.
    init(_ response: HTTPClientResponse, body: [UInt8]) {
        self.init(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "Retry-After"),
            body: body
        )
    }
}

extension HTTPClientResponse {
    /// The body's first `limit` bytes.
    func collected(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await part in self.body {
            bytes.append(contentsOf: part.readableBytesView.prefix(limit - bytes.count))
            if bytes.count >= limit { break }
        }
        return bytes
    }
}
