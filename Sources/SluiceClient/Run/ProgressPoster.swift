import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Posts batches of messages over one connection that is kept.
struct ProgressPoster: Sendable {
    /// What became of a batch.
    enum Outcome: Sendable, Equatable {
        case delivered

        /// Nobody answered.
        case unreachable(String)

        /// The gateway said no, for now or for good.
        case refused(Problem)
    }

    private let client: HTTPClient
    private let url: String
    private let headers: HTTPHeaders

    /// Tells this run's batches from those of any other.
    private let runID: String

    init(connection: GatewayConnection, scanID: ScanName) {
        self.client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: connection.httpConfiguration(connectTimeout: .seconds(5))
        )
        self.url = connection.address.progressURL(of: scanID)
        self.headers = HTTPHeaders(connection.headers + [("Content-Type", "application/json")])
        self.runID = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
            .map { String($0, radix: 36) }.joined(separator: "-")
    }

    /// Posts one batch.
    ///
    /// The same batch again bears the same key, so the gateway never takes it twice.
    func post(_ batch: Outbox.Batch, timeout: Duration) async -> Outcome {
        var request = HTTPClientRequest(url: self.url)
        request.method = .POST
        request.headers = self.headers
        request.headers.add(name: "Idempotency-Key", value: "\(self.runID)-\(batch.number)")
        request.body = .bytes(ByteBuffer(bytes: batch.body))
        do {
            let response = try await self.client.execute(request, timeout: TimeAmount(timeout))
            let body = try await response.collected(upTo: Problem.maximumBytes)
            if (200...299).contains(response.status.code) { return .delivered }
            return .refused(
                Problem(
                    status: Int(response.status.code),
                    retryAfter: response.headers.first(name: "Retry-After"),
                    body: body
                )
            )
        } catch {
            return .unreachable(ConnectionFailure.describe(error))
        }
    }

    /// Closes the connection.
    func shutdown() async {
        try? await self.client.shutdown()
    }
}
