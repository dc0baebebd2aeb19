import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceBase

/// Posts lines to one of several gateways, in arrays with keys, each again until one of the gateways has answered.
///
/// A stream that breaks off leaves open which of its lines were taken; an array with a key is taken once.
struct KeyedPublisher: Sendable {
    let scanID: ScanID
    let connection: GatewayConnection
    let report: @Sendable (String) -> Void

    /// How long one array may take; a gateway waits up to ten seconds for the others.
    private static let timeout = TimeAmount.seconds(15)

    /// How a request ended.
    private enum Ending {
        case accepted([UInt8])
        case refused(GatewayProblem, hasNewToken: Bool)
        case failed(String)
    }

    /// Sends `input` to its end, or until it is refused for good.
    func publish<Input: AsyncSequence & Sendable>(_ input: Input) async -> PublishOutcome
    where Input.Element == ByteBuffer {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: self.connection.httpConfiguration(connectTimeout: .seconds(5))
        )
        let outcome = await self.send(input, with: client)
        try? await client.shutdown()
        return outcome
    }

    private func send<Input: AsyncSequence & Sendable>(_ input: Input, with client: HTTPClient) async -> PublishOutcome
    where Input.Element == ByteBuffer {
        let run = RunKey()
        var batches = LineBatches()
        var taken = PublishOutcome.Taken()
        do {
            for try await piece in input {
                batches.append(piece)
                if let failure = await self.post(&batches, run, &taken, with: client) { return failure }
            }
        } catch {
            // Input that breaks off ends here: everything before that is sent.
        }
        batches.finish()
        if let failure = await self.post(&batches, run, &taken, with: client) { return failure }
        var object = JSONWriter()
        object.beginObject()
        object.member("scanId", self.scanID.text)
        object.member("accepted", taken.count)
        object.member("lastSeq", ifPresent: taken.lastSeq)
        object.endObject()
        return .accepted(String(decoding: object.bytes, as: UTF8.self))
    }

    /// Posts what is complete; nil where all of it was taken.
    private func post(
        _ batches: inout LineBatches,
        _ run: RunKey,
        _ taken: inout PublishOutcome.Taken,
        with client: HTTPClient
    ) async -> PublishOutcome? {
        while let batch = batches.next() {
            var backoff = Backoff(base: .milliseconds(250), maximum: .seconds(5))
            let begun = ContinuousClock.now
            var answer: [UInt8]?
            while answer == nil {
                let reason: String
                var atLeast: Duration?
                let ending = await self.request(batch, key: run.key(of: batch.number), with: client)
                let isPatient = ContinuousClock.now - begun < PublishMachine.patience
                switch ending {
                case .accepted(let body):
                    answer = body
                    continue
                case .refused(_, hasNewToken: true):
                    continue
                case .refused(let problem, _) where problem.isTemporary && isPatient:
                    reason = problem.description
                    atLeast = problem.isAway ? nil : problem.retryAfter.map { min($0, PublishMachine.patience / 2) }
                case .refused(let problem, _):
                    return .refused(problem, taken)
                case .failed(let why) where isPatient:
                    reason = why
                case .failed(let why):
                    return .failed(why, taken)
                }
                if backoff.failureCount == 0 { self.report("\(reason); going on") }
                let wait = backoff.failed(jitter: .random(in: 0...1), atLeast: atLeast)
                guard (try? await Task.sleep(for: wait)) != nil else { return .failed("stopped", taken) }
            }
            let node = answer.flatMap { try? JSONReader.read($0) }
            taken.count += batch.count
            taken.lastSeq = node?["lastSeq"]?.integer ?? taken.lastSeq
        }
        return nil
    }

    private func request(_ batch: LineBatches.Batch, key: String, with client: HTTPClient) async -> Ending {
        let address = self.connection.address
        let token = self.connection.credential.current
        var request = HTTPClientRequest(url: address.progressURL(of: self.scanID))
        request.method = .POST
        request.headers = self.connection.headers(token: token)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Idempotency-Key", value: key)
        request.body = .bytes(batch.body)
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            let body = try await response.collected(upTo: GatewayProblem.maximumBytes)
            if (200...299).contains(response.status.code) { return .accepted(body) }
            let problem = GatewayProblem(response, body: body)
            if problem.isAway { self.connection.goOn(from: address) }
            let isRenewed = problem.status == 401 && self.connection.credential.hasNew(insteadOf: token)
            return .refused(problem, hasNewToken: isRenewed)
        } catch {
            self.connection.goOn(from: address)
            return .failed(ConnectionFailure.describe(error))
        }
    }
}

/// Tells one run's arrays from those of any other.
struct RunKey: Sendable {
    private let id = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
        .map { String($0, radix: 36) }.joined(separator: "-")

    func key(of number: Int) -> String { "\(self.id)-\(number)" }
}
