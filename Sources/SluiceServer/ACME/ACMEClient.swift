internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase

/// Talks to an authority.
struct ACMEClient: Sendable {
    /// The longest that one request takes.
    private static let timeout = TimeAmount.seconds(30)

    private let client: HTTPClient

    init(_ client: HTTPClient) {
        self.client = client
    }

    /// Places an order, and carries it to its end.
    ///
    /// - Parameters:
    ///   - terms: What is ordered.
    ///   - key: The account's.
    ///   - present: Lets the authority find what proves a name: given the challenge's token and the name.
    /// - Returns: The chain (PEM).
    /// - Throws: Why there is none.
    func order(
        _ terms: ACMEOrderMachine.Terms,
        key: ACMEAccountKey,
        present: (_ token: String, _ domain: String) throws -> Void
    ) async throws -> [UInt8] {
        var machine = ACMEOrderMachine(terms, now: .now())
        var action = machine.begin()
        while true {
            switch action {
            case .get(let url):
                action = machine.received(try await self.send(.GET, url), now: .now())
            case .head(let url):
                action = machine.received(try await self.send(.HEAD, url), now: .now())
            case .post(let url, let payload, let nonce, let account):
                let body = try key.sign(payload, for: url, nonce: nonce, account: account)
                action = machine.received(try await self.send(.POST, url, body), now: .now())
            case .present(let token, let domain):
                try present(token, domain)
                action = machine.presented()
            case .wait(let until):
                try await Task.sleep(for: .nanoseconds(max(0, (until - .now()).nanoseconds)))
                action = machine.waited()
            case .issued(let chain):
                return chain
            case .failed(let failure):
                throw failure
            }
        }
    }

    /// What an authority advises for a certificate (RFC 9773), and when it wants to be asked again.
    ///
    /// - Parameters:
    ///   - directory: The address of its directory.
    ///   - id: What it calls the certificate.
    /// - Returns: Nothing if it gives no such advice.
    /// - Throws: Why it cannot be asked.
    func advice(_ directory: String, id: String) async throws -> (window: RenewalWindow?, retryAfter: TimeAmount?) {
        guard let url = try ACMEDirectory(await self.send(.GET, directory)).renewalInfo else {
            return (nil, ACMESchedule.longestLook)
        }
        let answer = try await self.send(.GET, (url.hasSuffix("/") ? url : url + "/") + id)
        guard answer.isGood else {
            throw answer.failure
        }
        return (RenewalWindow(answer), answer.retryAfter)
    }

    private func send(_ method: HTTPMethod, _ url: String, _ body: [UInt8]? = nil) async throws -> ACMEAnswer {
        guard var request = try? HTTPClient.Request(url: url, method: method), SecureAddress.isSecure(request) else {
            throw ACMEFailure("the authority names an address that is not https")
        }
        request.headers.add(name: "User-Agent", value: "sluice/\(Release.version)")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/jose+json")
            request.body = .byteBuffer(ByteBuffer(bytes: body))
        }
        let delegate = ResponseAccumulator(request: request, maxBodySize: ACMEAnswer.maximumBytes)
        let task = self.client.execute(request: request, delegate: delegate, deadline: .now() + Self.timeout)
        let response: HTTPClient.Response
        do {
            response = try await withTaskCancellationHandler {
                try await task.futureResult.get()
            } onCancel: {
                task.cancel()
            }
        } catch {
            try Task.checkCancellation()
            throw ACMEFailure("\(request.host) could not be asked: \(error)")
        }
        return ACMEAnswer(
            status: Int(response.status.code),
            nonce: response.headers.first(name: "Replay-Nonce"),
            location: response.headers.first(name: "Location"),
            retryAfter: response.headers.first(name: "Retry-After")
                .flatMap { ACMEAnswer.retryAfter($0, now: WallTime.now().seconds) },
            body: response.body.map { Array($0.readableBytesView) } ?? []
        )
    }
}
