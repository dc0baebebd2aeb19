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
    ///   - allocator: Makes the body.
    /// - Returns: The answer.
    static func accepted(
        _ start: [UInt8],
        count: Int,
        seqs: ClosedRange<Seq>?,
        isReplayed: Bool = false,
        allocator: ByteBufferAllocator
    ) -> HTTPResponse {
        var body = allocator.buffer(capacity: 96 + start.count)
        body.writeBytes(start)
        body.writeDecimal(UInt64(count))
        if let seqs {
            body.writeStaticString(",\"firstSeq\":")
            body.writeDecimal(seqs.lowerBound.rawValue)
            body.writeStaticString(",\"lastSeq\":")
            body.writeDecimal(seqs.upperBound.rawValue)
        }
        body.writeStaticString("}")
        return .json(
            body,
            status: .accepted,
            headers: isReplayed ? [("Idempotent-Replayed", "true")] : []
        )
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
            Problem(.storageUnavailable, "what was posted could not be stored; post it again", retryAfterSeconds: 5)
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
