internal import NIOCore
internal import NIOHTTP1
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The answers to ingest requests.
enum IngestAnswers {
    /// How the 202 of everything that is posted to a scan begins.
    static func start(_ scanID: ScanID) -> [UInt8] {
        Array("{\"scanId\":\"\(scanID.text)\",\"accepted\":".utf8)
    }

    /// 202 with the messages taken.
    ///
    /// - Parameters:
    ///   - start: Of the scan, as ``start(_:)`` makes it.
    ///   - count: How many messages were taken.
    ///   - seqs: Their numbers; nil for none.
    ///   - isReplayed: Whether the request had been taken before.
    ///   - body: Where the body is written; its memory is used again if nobody else has it.
    /// - Returns: The answer.
    static func accepted(
        _ start: [UInt8],
        count: Int,
        seqs: ClosedRange<Seq>?,
        isReplayed: Bool = false,
        body: inout ByteBuffer
    ) -> HTTPResponse {
        // Three numbers of at most twenty digits, and their names.
        let maximumBytes = start.count + 96
        body.clear(minimumCapacity: maximumBytes)
        body.writeText(maximumBytes: maximumBytes) { text in
            text.write(start)
            text.write(decimal: UInt64(count))
            if let seqs {
                text.write(",\"firstSeq\":")
                text.write(decimal: seqs.lowerBound.rawValue)
                text.write(",\"lastSeq\":")
                text.write(decimal: seqs.upperBound.rawValue)
            }
            text.write("}")
        }
        return .json(
            body,
            status: .accepted,
            headers: isReplayed ? [("Idempotent-Replayed", "true")] : []
        )
    }

    /// Answers a document that was handed to the relay, now or when it is settled.
    static func answer(
        _ exchange: HTTPExchange,
        _ outcome: IngestOutcome,
        _ start: [UInt8],
        _ loop: LoopServices
    ) {
        switch outcome {
        case .taken(let receipt):
            // Written before it is answered, which may begin the next request.
            let response = Self.accepted(start, receipt, body: &loop.answerBody)
            exchange.respond(response)
        case .refused(let refusal):
            exchange.respond(problem: Self.problem(refusal: refusal))
        case .pending(let future):
            future.assumeIsolated()
                .whenComplete { result in
                    switch result {
                    case .success(let receipt):
                        var body = exchange.connection.allocator.buffer(capacity: 0)
                        exchange.respond(Self.accepted(start, receipt, body: &body))
                    case .failure(let error):
                        exchange.respond(problem: Self.problem(refusal: error))
                    }
                }
        }
    }

    private static func accepted(_ start: [UInt8], _ receipt: IngestReceipt, body: inout ByteBuffer) -> HTTPResponse {
        Self.accepted(
            start,
            count: receipt.acceptedCount,
            seqs: receipt.seqs,
            isReplayed: receipt.isReplayed,
            body: &body
        )
    }

    /// The answer to a document with a message that does not pass, which costs its producer one, unless it is merely
    /// too long.
    static func problem(_ error: MessageError, allowance: inout IngestAllowance, now: NIODeadline) -> Problem {
        let problem = Self.problem(error)
        return problem.code == .tooManyMessages ? problem : allowance.fault(problem, now: now)
    }

    /// A message that does not pass.
    static func problem(_ error: MessageError, line: Int? = nil) -> Problem {
        var members: [(String, Problem.Value)] = []
        if let index = error.index {
            members.append(("index", .integer(index)))
        }
        if let line {
            members.append(("line", .integer(line)))
        }
        if let offset = error.offset {
            members.append(("offset", .integer(offset)))
        }
        return Problem(self.code(error.code), error.detail).adding(members)
    }

    /// Answers to messages that the relay did not take.
    static func problem(refusal: any Error) -> Problem {
        switch refusal as? RelayRefusal {
        case .ownerConflict:
            Problem(.ownerConflict, "the scan has another owner, and it is not changed once set")
        case .tooManyScans:
            Problem(.tooManyScans, "the gateway holds as many scans as it may", retryAfterSeconds: 30)
        case .noMoreNumbers:
            Problem(.tooManyMessages, "the scan has given out all the numbers that there are; go on under another name")
        case .idempotencyConflict:
            Problem(.idempotencyConflict, "this key came with another body before; use a new one for a new request")
        case .scanNotFound:
            Problem(.scanNotFound)
        case .storageUnavailable:
            Problem(
                .storageUnavailable,
                "nothing can be stored or read for now; try again, a post with its Idempotency-Key",
                retryAfterSeconds: 5
            )
        case .notStored(let receipt):
            Problem(
                .storageUnavailable,
                "what was posted has its numbers and is stored under them later; do not post it again without its key",
                retryAfterSeconds: 5
            )
            .adding(receipt.seqs.map { [("lastSeq", .integer(Int(clamping: $0.upperBound.rawValue)))] } ?? [])
        case .recordTooLarge:
            Problem(.bodyTooLarge, "these are more messages than the gateways' log takes at once; post fewer")
        case .storageDamaged:
            Problem(.storageUnavailable, "what is stored of this scan is damaged", retryAfterSeconds: 30)
        case nil:
            Problem(.internalError)
        }
    }

    /// The end of a stream whose last messages are numbered but not stored yet.
    static let streamNotStored = Problem(
        .storageUnavailable,
        "the storage does not work; what was accepted has its numbers and is stored later: post what follows it",
        retryAfterSeconds: 5
    )

    private static func code(_ code: MessageError.Code) -> ProblemCode {
        switch code {
        case .invalidMessage: .invalidMessage
        case .reservedField: .reservedField
        case .reservedType: .reservedType
        case .scanIDMismatch: .scanIDMismatch
        case .tooManyMessages: .tooManyMessages
        case .messageTooLarge: .messageTooLarge
        }
    }
}
