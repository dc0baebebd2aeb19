import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceBase

/// Posts batches of messages over one connection that is kept.
struct ProgressPoster: Sendable {
    /// The result of posting a batch.
    enum Outcome: Sendable, Equatable {
        case delivered

        /// There was no answer.
        case unreachable(String)

        /// The gateway refused, for now or for good.
        case refused(GatewayProblem)

        /// The gateway does not take the token; whether there is another by now, or may be one later.
        case tokenRefused(GatewayProblem, hasNew: Bool, isRenewable: Bool)
    }

    private let client: HTTPClient
    private let scanID: ScanID
    private let connection: GatewayConnection

    /// Tells this run's batches from those of any other.
    private let run = RunKey()

    init(connection: GatewayConnection, scanID: ScanID) {
        self.client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: connection.httpConfiguration(connectTimeout: .seconds(5))
        )
        self.scanID = scanID
        self.connection = connection
    }

    /// Posts one batch.
    ///
    /// The same batch again bears the same key, so the gateway never takes it twice.
    func post(_ batch: PostQueue.Batch, timeout: Duration) async -> Outcome {
        let address = self.connection.address
        var request = HTTPClientRequest(url: address.progressURL(of: self.scanID))
        request.method = .POST
        request.headers.add(name: "Idempotency-Key", value: self.run.key(of: batch.number))
        return await self.send(request, to: address, body: batch.body, timeout: timeout)
    }

    /// Tells the gateway what the scan is called, and whose it is.
    func introduce(_ introduction: ScanIntroduction, timeout: Duration) async -> Outcome {
        let address = self.connection.address
        var request = HTTPClientRequest(url: address.scanURL(of: self.scanID))
        request.method = .PUT
        return await self.send(request, to: address, body: introduction.body, timeout: timeout)
    }

    private func send(
        _ bare: HTTPClientRequest,
        to address: GatewayAddress,
        body: [UInt8],
        timeout: Duration
    ) async -> Outcome {
        let credential = self.connection.credential
        let token = credential.current
        var request = bare
        for header in self.connection.headers(token: token) {
            request.headers.add(name: header.name, value: header.value)
        }
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await self.client.execute(request, timeout: TimeAmount(timeout))
            let body = try await response.collected(upTo: GatewayProblem.maximumBytes)
            if (200...299).contains(response.status.code) { return .delivered }
            let problem = GatewayProblem(response, body: body)
            if problem.isAway { self.connection.goOn(from: address) }
            guard problem.status == 401 else { return .refused(problem) }
            let hasNew = credential.hasNew(insteadOf: token)
            return .tokenRefused(problem, hasNew: hasNew, isRenewable: credential.isRenewable)
        } catch {
            self.connection.goOn(from: address)
            return .unreachable(ConnectionFailure.describe(error))
        }
    }

    /// Closes the connection.
    func shutdown() async {
        try? await self.client.shutdown()
    }
}
