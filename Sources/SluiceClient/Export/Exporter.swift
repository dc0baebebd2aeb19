import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceBase

/// Reads a scan's history from a gateway, page by page, with the times at which its messages came.
package struct Exporter: Sendable {
    private enum Answer {
        case page(ExportPage)
        case refused(GatewayProblem)
        case unreachable(String)
        case useless
    }

    /// The most messages asked for at once.
    private static let pageCount = 1000
    /// The most bytes of an answer: the gateway's pages are smaller, but for a single large message.
    private static let maximumBytes = 64 * 1024 * 1024
    /// How long one page may take.
    private static let pageTimeout = TimeAmount.seconds(60)
    /// How often one page is asked for.
    private static let maximumTries = 10

    private let connection: GatewayConnection
    private let scanID: ScanID

    /// Prepares the requests.
    ///
    /// - Parameters:
    ///   - scanID: The scan's id, see ``ScanID``.
    ///   - connection: The gateway.
    /// - Throws: If the id is none.
    package init(scanID: String, connection: GatewayConnection) throws(ClientError) {
        self.scanID = try ScanID(checked: scanID)
        self.connection = connection
    }

    /// Reads everything that there is now.
    ///
    /// - Parameter take: Is given one line at a time, with its end; says whether it wants more.
    /// - Returns: The result.
    package func export(to take: ([UInt8]) -> Bool) async -> ExportOutcome {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: self.connection.httpConfiguration(connectTimeout: .seconds(10))
        )
        let outcome = await self.pages(of: client, to: take)
        try? await client.shutdown()
        return outcome
    }

    private func pages(of client: HTTPClient, to take: ([UInt8]) -> Bool) async -> ExportOutcome {
        var since = 0
        var damagedCount = 0
        var epoch: String?
        while true {
            let page: ExportPage
            switch await self.page(after: since, hasBegun: epoch != nil, of: client) {
            case .page(let found):
                page = found
            case .refused(let problem):
                return .refused(problem)
            case .unreachable(let reason):
                return .failed(reason)
            case .useless:
                return .failed("the gateway does not say when messages came; is it an older version?")
            }
            guard page.epoch == epoch ?? page.epoch else {
                return .failed("the scan was replaced by a new one of the same name meanwhile")
            }
            epoch = page.epoch
            for line in page.lines {
                guard take(line) else {
                    return .outputClosed
                }
            }
            damagedCount += page.damagedCount
            guard let next = page.next, next > since else {
                return .completed(damaged: damagedCount)
            }
            since = next
        }
    }

    /// Asks for one page, again and again where that may help: an export half written is of little use.
    private func page(after since: Int, hasBegun: Bool, of client: HTTPClient) async -> Answer {
        var backoff = Backoff(base: .milliseconds(500), maximum: .seconds(10))
        while true {
            let address = self.connection.address
            let answer = await self.ask(address, after: since, of: client)
            let atLeast: Duration?
            // Each of several gateways is asked, at first, too.
            let mayRepeat = hasBegun || backoff.failureCount + 1 < self.connection.addresses.count
            switch answer {
            case .refused(let problem) where problem.status == 429 || (mayRepeat && problem.isTemporary):
                atLeast = self.connection.addresses.count > 1 ? nil : problem.retryAfter
            case .unreachable where mayRepeat:
                atLeast = nil
            case .page, .refused, .unreachable, .useless:
                return answer
            }
            self.connection.goOn(from: address)
            let wait = backoff.failed(jitter: .random(in: 0...1), atLeast: atLeast)
            guard backoff.failureCount < Self.maximumTries, (try? await Task.sleep(for: wait)) != nil else {
                return answer
            }
        }
    }

    private func ask(_ address: GatewayAddress, after since: Int, of client: HTTPClient) async -> Answer {
        var request = HTTPClientRequest(
            url: address.messagesURL(of: self.scanID)
                + "?since=\(since)&limit=\(Self.pageCount)&times=true"
        )
        request.headers = self.connection.headers(token: self.connection.credential.current)
        do {
            let response = try await client.execute(request, timeout: Self.pageTimeout)
            guard response.status == .ok else {
                let body = try await response.collected(upTo: GatewayProblem.maximumBytes)
                return .refused(GatewayProblem(response, body: body))
            }
            let body = try await response.collected(upTo: Self.maximumBytes)
            return ExportPage(body).map { .page($0) } ?? .useless
        } catch {
            return .unreachable(ConnectionFailure.describe(error))
        }
    }
}

/// The result of an export.
package enum ExportOutcome: Sendable, Equatable {
    /// All messages that the gateway could give were written; this many more are stored but damaged.
    case completed(damaged: Int)
    /// The gateway said no.
    case refused(GatewayProblem)
    /// There was no answer, or none that could be read.
    case failed(String)
    /// The lines are no longer taken.
    case outputClosed
}
