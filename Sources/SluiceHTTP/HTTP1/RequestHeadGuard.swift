/// Reads a request's head byte by byte as it arrives, finds its end, and refuses forms on which parsers are known to
/// disagree.
///
/// It is in front of the parser so that the parser's lenience does not matter: a head that leaves here has lines that
/// end in CRLF (RFC 9112, section 2.2), no folded lines (section 5.2), field names that are tokens up to the colon
/// (section 5.1), no control characters, and a limited length. `RequestHeadCheck` judges the meaning of the fields.
internal struct RequestHeadGuard {
    /// The result after some more bytes.
    enum Verdict: Equatable {
        /// The head continues.
        case incomplete
        /// The head ends with that many of the bytes that were given last.
        case complete(byteCount: Int)
        /// The head is not taken.
        case refused(ProblemCode, String)
    }

    /// The place of the next byte in the head.
    private enum Place {
        case lineStart
        case requestLine
        case fieldName
        case fieldValue
        case lineFeed
        case lastLineFeed
    }

    /// The most bytes of a head.
    private let maximumBytes: Int
    /// The most fields of a head.
    private let maximumFieldCount: Int
    private var place = Place.lineStart
    private var line = RequestLineGuard()
    private var byteCount = 0
    private var fieldCount = 0
    /// Whether the request line has been seen.
    private var hasRequestLine = false

    /// A guard for one head.
    init(limits: HTTPLimits) {
        self.maximumBytes = limits.maximumHeadBytes
        self.maximumFieldCount = limits.maximumHeaderCount
    }

    /// Whether any byte of the request has arrived.
    var hasBegun: Bool {
        self.byteCount > 0
    }

    /// Takes the bytes from `start` on, which follow those taken before.
    mutating func consume(_ bytes: borrowing Span<UInt8>, from start: Int) -> Verdict {
        let end = min(bytes.count, start + self.maximumBytes - self.byteCount)
        var index = start
        while index < end {
            // Most bytes change nothing: those of names and values are passed over without asking what place it is.
            switch self.place {
            case .fieldValue:
                while index < end, Self.isText(bytes[index]) { index += 1 }
            case .fieldName:
                while index < end, Self.isToken(bytes[index]) { index += 1 }
            case .lineStart, .requestLine, .lineFeed, .lastLineFeed:
                break
            }
            guard index < end else { break }
            switch self.consume(bytes[index]) {
            case .incomplete: index += 1
            case .complete: return .complete(byteCount: index + 1)
            case .refused(let code, let detail): return .refused(code, detail)
            }
        }
        self.byteCount += end - start
        guard end == bytes.count else {
            return .refused(.headersTooLarge, "The request's head has more than \(self.maximumBytes) bytes.")
        }
        return .incomplete
    }

    private mutating func consume(_ byte: UInt8) -> Verdict {
        switch self.place {
        case .fieldValue:
            return self.controlInValue(byte)
        case .fieldName:
            guard byte == UInt8(ascii: ":") else {
                return .refused(.badRequest, "A field name is followed by its colon and nothing else.")
            }
            self.place = .fieldValue
            return .incomplete
        case .requestLine:
            return self.requestLine(byte)
        case .lineStart:
            return self.lineStart(byte)
        case .lineFeed:
            guard byte == 0x0A else { return .refused(.badRequest, "A line ends in CR LF.") }
            self.place = .lineStart
            return .incomplete
        case .lastLineFeed:
            guard byte == 0x0A else { return .refused(.badRequest, "A line ends in CR LF.") }
            guard self.hasRequestLine else {
                // RFC 9112, section 2.2: empty lines before the request line are passed over.
                self.place = .lineStart
                return .incomplete
            }
            return .complete(byteCount: 0)
        }
    }

    private mutating func controlInValue(_ byte: UInt8) -> Verdict {
        switch byte {
        case 0x0D:
            self.place = .lineFeed
            return .incomplete
        case 0x09:
            return .incomplete
        case 0x0A:
            return .refused(.badRequest, "A line ends in CR LF.")
        default:
            return .refused(.badRequest, "A field value has a control character.")
        }
    }

    private mutating func requestLine(_ byte: UInt8) -> Verdict {
        switch self.line.consume(byte) {
        case .incomplete:
            return .incomplete
        case .complete:
            self.hasRequestLine = true
            self.place = .lineFeed
            return .incomplete
        case .refused(let code, let detail):
            return .refused(code, detail)
        }
    }

    private mutating func lineStart(_ byte: UInt8) -> Verdict {
        if byte == 0x0D {
            self.place = .lastLineFeed
            return .incomplete
        }
        guard self.hasRequestLine else {
            self.place = .requestLine
            return self.requestLine(byte)
        }
        guard Self.isToken(byte) else {
            return .refused(.badRequest, "A header line begins with the field's name.")
        }
        self.fieldCount += 1
        guard self.fieldCount <= self.maximumFieldCount else {
            return .refused(.headersTooLarge, "The request has more than \(self.maximumFieldCount) header fields.")
        }
        self.place = .fieldName
        return .incomplete
    }

    /// What a value is made of, besides tabs.
    private static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F
    }

    /// What a token is made of (RFC 9110, section 5.6.2): one bit for each character of ASCII.
    static func isToken(_ byte: UInt8) -> Bool {
        // Digits and !#$%&'*+-. below 64; letters and ^_`|~ above.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        return byte < 128 && (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 == 1
    }
}
