internal import Crypto
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// An `application/json` body: one object or an array, all or nothing.
final class DocumentIngest: IngestReader {
    private let job: IngestJob
    private var body: ByteBuffer?

    init(_ job: IngestJob) {
        self.job = job
    }

    func receivedBytes(_ bytes: ByteBuffer) {
        self.body.setOrWriteImmutableBuffer(bytes)
    }

    func receivedEnd() {
        let body = self.body ?? ByteBuffer()
        self.body = nil
        let exchange = self.job.exchange
        guard let identity = Gatekeeper(services: self.job.services).stillLetIn(self.job.visitor, exchange) else {
            return
        }
        do throws(Problem) {
            guard identity.mayIngest(scan: self.job.scanID.text) else {
                throw Closing.notAdmitted.problem
            }
            let messages = try self.messages(of: body)
            let request = IngestRequest(
                scanID: self.job.scanID,
                messages: messages,
                at: WallTime.now(),
                owner: self.job.head.owner,
                idempotency: self.job.head.idempotencyKey.map { key in
                    IngestRequest.Idempotency(key: key, digest: Self.digest(of: body))
                }
            )
            let scanID = self.job.scanID
            self.job.services.relay.ingest(request, on: exchange.eventLoop).assumeIsolated()
                .whenComplete { result in
                    switch result {
                    case .success(let receipt):
                        exchange.respond(
                            IngestAnswers.accepted(
                                scanID,
                                count: receipt.acceptedCount,
                                seqs: receipt.seqs,
                                isReplayed: receipt.isReplayed,
                                allocator: exchange.connection.allocator
                            )
                        )
                    case .failure(let error):
                        exchange.respond(problem: IngestAnswers.problem(refusal: error))
                    }
                }
        } catch {
            exchange.respond(problem: error)
        }
    }

    func aborted() {
        self.body = nil
    }

    func draining() {}

    private func messages(of body: ByteBuffer) throws(Problem) -> [Message] {
        let limiter = self.job.services.limits.ingest
        let messages: [Message]
        do throws(MessageError) {
            messages = try self.job.makeParser().parseDocument(body, maximumCount: limiter.burst)
        } catch {
            throw IngestAnswers.problem(error)
        }
        guard !messages.isEmpty else {
            return messages
        }
        let now = self.job.exchange.eventLoop.now.uptimeNanoseconds
        switch limiter.take(messages.count, for: self.job.identity.producerName, now: now) {
        case .neverFits:
            throw Problem(.tooManyMessages, "send at most \(limiter.burst) messages in one array")
        case let answer:
            if let problem = answer.problem("messages") {
                throw problem
            }
        }
        return messages
    }

    private static func digest(of body: ByteBuffer) -> [UInt8] {
        Array(SHA256.hash(data: Array(body.readableBytesView)))
    }
}
