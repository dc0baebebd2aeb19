internal import Crypto
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// An `application/json` body: one object or an array, all or nothing.
///
/// A long one is checked, and its digest made, in slices, between which the loop looks after the others.
final class DocumentIngest: IngestReader {
    /// The most bytes that are looked at in one turn of the loop: about a millisecond's work.
    private static let sliceBytes = 256 * 1024

    private let job: IngestJob
    private var allowance: IngestAllowance
    private var body: ByteBuffer?
    private var walk: DocumentWalk?
    private var digest: DocumentDigest?

    init(_ job: IngestJob) {
        self.job = job
        self.allowance = job.allowance
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
        guard identity.mayIngest(scan: self.job.scanID.text) else {
            exchange.respond(problem: Closing.notAdmitted.problem)
            return
        }
        let maximumCount = self.allowance.burst
        self.walk = DocumentWalk(self.job.makeParser(), body, maximumCount: maximumCount)
        self.digest = self.job.head.idempotencyKey.map { DocumentDigest(body, key: $0) }
        self.goOn()
    }

    func refusing(_ problem: Problem) -> Bool { false }

    func aborted() {
        self.body = nil
        self.walk = nil
        self.digest = nil
        // Broken off, too late or too large: it is already answered, and still costs one.
        _ = self.allowance.fault(Problem(.badRequest), now: self.job.exchange.eventLoop.now)
    }

    func draining() {}

    /// Looks at the next slice; at the end, posts.
    private func goOn() {
        do throws(Problem) {
            guard let isChecked = try self.check() else {
                return
            }
            let isDigested = self.digest?.goOn(byteCount: Self.sliceBytes) ?? true
            guard isChecked, isDigested else {
                self.job.exchange.eventLoop.nextTurn { self.goOn() }
                return
            }
            let messages = self.walk?.messages ?? []
            let idempotency = self.digest?.idempotency
            self.walk = nil
            self.digest = nil
            try self.allowance.take(messages.count, now: self.job.exchange.eventLoop.now)
            self.post(messages, idempotency)
        } catch {
            self.walk = nil
            self.digest = nil
            self.job.exchange.respond(problem: error)
        }
    }

    /// Whether all messages are checked; nil if the exchange is over.
    private func check() throws(Problem) -> Bool? {
        do throws(MessageError) {
            return try self.walk?.goOn(byteCount: Self.sliceBytes)
        } catch {
            throw IngestAnswers.problem(error, allowance: &self.allowance, now: self.job.exchange.eventLoop.now)
        }
    }

    private func post(_ messages: [Message], _ idempotency: IngestRequest.Idempotency?) {
        let exchange = self.job.exchange
        let request = IngestRequest(
            scanID: self.job.scanID,
            messages: messages,
            at: WallTime.now(),
            owner: self.job.head.owner,
            idempotency: idempotency
        )
        IngestAnswers.answer(
            exchange,
            self.job.services.relay.ingestNow(request, on: exchange.eventLoop),
            self.job.answerStart,
            self.job.loop
        )
    }
}

/// Tells one body from another under the same idempotency key, in slices.
struct DocumentDigest {
    private let key: String
    private var rest: ByteBuffer
    private var hash = SHA256()

    init(_ body: ByteBuffer, key: String) {
        self.key = key
        self.rest = body
    }

    /// Continues for this many bytes.
    ///
    /// - Returns: Whether it is over.
    mutating func goOn(byteCount: Int) -> Bool {
        if let slice = self.rest.readSlice(length: min(byteCount, self.rest.readableBytes)) {
            self.hash.update(data: Array(slice.readableBytesView))
        }
        return self.rest.readableBytes == 0
    }

    /// The key by which the relay knows the request; complete once the digest is over.
    var idempotency: IngestRequest.Idempotency {
        IngestRequest.Idempotency(key: self.key, digest: Array(self.hash.finalize()))
    }
}
