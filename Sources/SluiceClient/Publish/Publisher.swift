import AsyncHTTPClient
package import NIOCore
import NIOHTTP1
import SluiceBase

/// Posts a stream of NDJSON, each line sent as it comes, in one request.
///
/// If the gateway ends that for now, another request continues after the last message that has its number.
package struct Publisher: Sendable {
    private let connection: GatewayConnection
    private let scanID: ScanID
    private let report: @Sendable (String) -> Void

    /// Prepares the requests.
    ///
    /// - Parameters:
    ///   - scanID: The scan's id, see ``ScanID``.
    ///   - connection: The gateway.
    ///   - report: Takes lines about the token and interruptions, for standard error.
    /// - Throws: If the id is none.
    package init(
        scanID: String,
        connection: GatewayConnection,
        report: @escaping @Sendable (String) -> Void
    ) throws(ClientError) {
        self.scanID = try ScanID(checked: scanID)
        self.connection = connection
        self.report = report
    }

    /// Sends `input` to its end, or until the gateway refuses it for good.
    package func publish<Input: AsyncSequence & Sendable>(_ input: Input) async -> PublishOutcome
    where Input.Element == ByteBuffer {
        guard self.connection.addresses.count == 1 else {
            return await KeyedPublisher(scanID: self.scanID, connection: self.connection, report: self.report)
                .publish(input)
        }
        if let warning = self.connection.expiryWarning(now: WallTime.now().seconds) { self.report(warning) }
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: self.connection.httpConfiguration(connectTimeout: .seconds(10))
        )
        let feed = PublishFeed()
        let reading = Task {
            do {
                for try await piece in input {
                    guard await feed.append(piece) else { return }
                }
            } catch {
                // Input that breaks off ends here: everything before that is sent.
            }
            feed.finish()
        }
        let outcome = await self.send(feed, with: client)
        feed.close()
        reading.cancel()
        await reading.value
        try? await client.shutdown()
        return outcome
    }

    private func send(_ feed: PublishFeed, with client: HTTPClient) async -> PublishOutcome {
        var machine = PublishMachine(scanID: self.scanID)
        let started = ContinuousClock.now
        while true {
            let ending = await self.request(feed.body(), with: client)
            let action = feed.endRequest { ledger in
                machine.ended(ending, ledger: &ledger, now: .now - started, jitter: .random(in: 0...1))
            }
            switch action {
            case .finish(let outcome):
                return outcome
            case .goOn(let delay, let reason):
                if let reason { self.report(reason) }
                guard (try? await Task.sleep(for: delay)) != nil else { return .failed("stopped", machine.taken) }
            }
        }
    }

    private func request(_ body: PublishFeed.Body, with client: HTTPClient) async -> PublishMachine.Ending {
        var request = HTTPClientRequest(url: self.connection.address.progressURL(of: self.scanID))
        let token = self.connection.credential.current
        request.method = .POST
        request.headers = self.connection.headers(token: token)
        request.headers.add(name: "Content-Type", value: "application/x-ndjson")
        request.body = .stream(body, length: .unknown)
        do {
            // A stream may stay open for as long as a scan lasts.
            let response = try await client.execute(request, deadline: .distantFuture)
            let body = try await response.collected(upTo: GatewayProblem.maximumBytes)
            if (200...299).contains(response.status.code) { return .accepted(body) }
            let problem = GatewayProblem(response, body: body)
            let isRenewed = problem.status == 401 && self.connection.credential.hasNew(insteadOf: token)
            return .refused(problem, hasNewToken: isRenewed)
        } catch {
            return .failed(ConnectionFailure.describe(error))
        }
    }
}
