import AsyncHTTPClient
package import NIOCore
import NIOHTTP1

/// Posts a stream of NDJSON in one request, each line sent as it comes.
package struct Publisher: Sendable {
    private let connection: GatewayConnection
    private let scanID: ScanName

    /// Prepares a request.
    ///
    /// - Parameters:
    ///   - scanID: The scan's id, see ``ScanName``.
    ///   - connection: The gateway.
    /// - Throws: If the id is none.
    package init(scanID: String, connection: GatewayConnection) throws(ClientError) {
        self.scanID = try ScanName(scanID)
        self.connection = connection
    }

    /// Sends `input` to its end, or until the gateway refuses it.
    package func publish<Input: AsyncSequence & Sendable>(_ input: Input) async -> PublishOutcome
    where Input.Element == ByteBuffer {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: self.connection.httpConfiguration(connectTimeout: .seconds(10))
        )
        let outcome = await self.send(input, with: client)
        try? await client.shutdown()
        return outcome
    }

    private func send<Input: AsyncSequence & Sendable>(
        _ input: Input,
        with client: HTTPClient
    ) async -> PublishOutcome where Input.Element == ByteBuffer {
        var request = HTTPClientRequest(url: self.connection.address.progressURL(of: self.scanID))
        request.method = .POST
        request.headers = HTTPHeaders(self.connection.headers + [("Content-Type", "application/x-ndjson")])
        request.body = .stream(input, length: .unknown)
        do {
            // A stream may stay open for as long as a scan lasts.
            let response = try await client.execute(request, deadline: .distantFuture)
            let body = try await response.collected(upTo: Problem.maximumBytes)
            if (200...299).contains(response.status.code) {
                return .accepted(String(decoding: body, as: UTF8.self))
            }
            let retryAfter = response.headers.first(name: "Retry-After")
            return .refused(Problem(status: Int(response.status.code), retryAfter: retryAfter, body: body))
        } catch {
            return .failed(ConnectionFailure.describe(error))
        }
    }
}
