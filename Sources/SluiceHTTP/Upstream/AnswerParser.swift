internal import NIOCore
internal import NIOHTTP1

/// Reads the answer to one request off the bytes of an upstream: interim heads, the final one, its body, its end.
///
/// Touches no connection. It is asked for the next part when somebody has room for one.
internal struct AnswerParser {
    /// A part of an answer.
    enum Part {
        case interim(UpstreamAnswer)
        case head(UpstreamAnswer)
        case body(ByteBuffer)
        /// The answer is whole; what is held behind it belongs to nothing.
        case end(trailers: HeaderFields?)
        /// The answer cannot be read on.
        case refused(String)
    }

    private enum Phase {
        case head(HeadReader<StatusLineReader>)
        case length(Int)
        case chunked(ChunkedBodyReader)
        case connection
        case ending(HeaderFields?)
        /// Whole, switched to another protocol, or refused.
        case over
    }

    /// The most interim answers to one request.
    private static let maximumInterimCount = 100
    private static let maximumPieceBytes = 64 * 1024

    private let limits: HTTPLimits
    private let isHead: Bool
    private let mayUpgrade: Bool
    private var phase: Phase
    private var interimCount = 0
    /// How many of the held bytes the head's reader has seen already.
    private var scannedByteCount = 0
    private(set) var held = ByteBuffer()
    /// Whether any byte of an answer has come.
    private(set) var hasBegun = false

    /// - Parameters:
    ///   - limits: Bounds of heads, extensions and trailers.
    ///   - isHead: Whether HEAD is answered.
    ///   - mayUpgrade: Whether the request asked for another protocol.
    init(limits: HTTPLimits, isHead: Bool, mayUpgrade: Bool) {
        self.limits = limits
        self.isHead = isHead
        self.mayUpgrade = mayUpgrade
        self.phase = .head(HeadReader(limits: limits))
    }

    /// Some more bytes have come.
    mutating func append(_ bytes: ByteBuffer) {
        self.hasBegun = true
        if self.held.readableBytes == 0 {
            self.held = bytes
        } else {
            self.held.discardReadBytes()
            self.held.writeImmutableBuffer(bytes)
        }
    }

    /// What was read behind the head of an answer that switches to another protocol.
    mutating func takeHeld() -> ByteBuffer {
        defer { self.held = ByteBuffer() }
        return self.held
    }

    /// The next part; nil until more bytes come.
    mutating func next() -> Part? {
        while true {
            switch self.phase {
            case .head(let reader):
                return self.readHead(reader)
            case .length(0):
                self.phase = .ending(nil)
            case .length(let rest):
                guard let piece = self.piece(rest) else { return nil }
                self.phase = .length(rest - piece.readableBytes)
                return .body(piece)
            case .chunked(let reader):
                guard self.held.readableBytes > 0 else { return nil }
                if let part = self.readChunk(reader) {
                    return part
                }
            case .connection:
                return self.piece(.max).map { .body($0) }
            case .ending(let trailers):
                self.phase = .over
                return .end(trailers: trailers)
            case .over:
                return nil
            }
        }
    }

    /// The upstream sends nothing more, and `next` has given all that came before.
    ///
    /// - Parameter isClean: Whether it said so, rather than that the connection broke.
    /// - Returns: The last part; nil if the answer was over.
    mutating func inputEnded(isClean: Bool) -> Part? {
        switch self.phase {
        case .connection where isClean:
            self.phase = .over
            return .end(trailers: nil)
        case .over:
            return nil
        case .head, .length, .chunked, .connection, .ending:
            return self.refuse("The connection ended before the answer did.")
        }
    }

    private mutating func refuse(_ detail: String) -> Part {
        self.phase = .over
        self.held = ByteBuffer()
        return .refused(detail)
    }

    private mutating func piece(_ rest: Int) -> ByteBuffer? {
        let byteCount = min(rest, self.held.readableBytes, Self.maximumPieceBytes)
        guard byteCount > 0, let piece = self.held.readSlice(length: byteCount) else { return nil }
        if self.held.readableBytes == 0 {
            self.held = ByteBuffer()
        }
        return piece
    }

    private mutating func readHead(_ reader: HeadReader<StatusLineReader>) -> Part? {
        var reader = reader
        switch reader.consume(self.held.readableBytesUInt8Span, from: self.scannedByteCount) {
        case .incomplete:
            self.scannedByteCount = self.held.readableBytes
            self.phase = .head(reader)
            return nil
        case .refused(_, let detail):
            return self.refuse(detail)
        case .complete(let byteCount):
            self.scannedByteCount = 0
            guard let bytes = self.held.readBytes(length: byteCount), let (line, fields) = reader.parts(bytes) else {
                preconditionFailure("a head that was read to its end is not there")
            }
            let reason = String(decoding: bytes[line.reason], as: UTF8.self)
            do throws(UpstreamAnswer.Fault) {
                return self.judge(
                    try UpstreamAnswer(line, reason: reason, fields: fields, isHead: self.isHead)
                )
            } catch {
                return self.refuse(error.detail)
            }
        }
    }

    private mutating func judge(_ answer: UpstreamAnswer) -> Part {
        guard !answer.isInterim else {
            self.interimCount += 1
            guard self.interimCount <= Self.maximumInterimCount else {
                return self.refuse("There are too many interim answers.")
            }
            self.phase = .head(HeadReader(limits: self.limits))
            return .interim(answer)
        }
        guard answer.status.code != 101 else {
            guard self.mayUpgrade else { return self.refuse("The answer switches protocols, unasked.") }
            self.phase = .over
            return .head(answer)
        }
        switch answer.framing {
        case .none: self.phase = .ending(nil)
        case .length(let byteCount): self.phase = .length(byteCount)
        case .chunked: self.phase = .chunked(ChunkedBodyReader(limits: self.limits))
        case .connection: self.phase = .connection
        }
        return .head(answer)
    }

    /// - Returns: nil if the bytes were framing alone.
    private mutating func readChunk(_ reader: ChunkedBodyReader) -> Part? {
        var reader = reader
        let byteCount = min(self.held.readableBytes, Self.maximumPieceBytes)
        switch reader.consume(self.held.readableBytesUInt8Span.extracting(0..<byteCount)) {
        case .incomplete:
            self.held.moveReaderIndex(forwardBy: byteCount)
            self.phase = .chunked(reader)
            return nil
        case .data(let framing, let byteCount):
            self.held.moveReaderIndex(forwardBy: framing)
            self.phase = .chunked(reader)
            return self.piece(byteCount).map { .body($0) }
        case .complete(let byteCount):
            self.held.moveReaderIndex(forwardBy: byteCount)
            self.phase = .ending(reader.trailers)
            return nil
        case .refused(let detail):
            return self.refuse(detail)
        }
    }
}
