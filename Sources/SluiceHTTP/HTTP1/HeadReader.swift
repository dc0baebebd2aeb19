/// Reads a request's head.
internal typealias RequestHeadReader = HeadReader<RequestLineReader>

/// Reads a head as it arrives: finds its end, and where in it the words of the first line and the fields stand, and
/// refuses what parsers are known to disagree on.
///
/// There is no lenience: lines end in CRLF (RFC 9112, section 2.2), none is folded (section 5.2), field names are
/// tokens up to the colon (section 5.1), there are no control characters, and the length and the number of fields are
/// bounded. What the fields mean is left to `RequestHeadCheck` and `UpstreamAnswer`.
internal struct HeadReader<Line: StartLineReader> {
    /// What is known after some more bytes.
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
        case startLine
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
    private var line = Line()
    private var byteCount = 0
    /// Where the fields stand that were read to their ends.
    private var fields: [HeaderFields.Field] = []
    /// Where the name at hand begins, and where it ends.
    private var nameStart = 0
    private var nameEnd = 0
    /// Whether the first line has been seen.
    private var hasStartLine = false

    /// A reader of one head.
    init(limits: HTTPLimits) {
        self.maximumBytes = limits.maximumHeadBytes
        self.maximumFieldCount = limits.maximumHeaderCount
    }

    /// Whether any byte of the request has arrived.
    var hasBegun: Bool {
        self.byteCount > 0
    }

    /// The first line and the fields of a head that was read to its end.
    ///
    /// - Parameter bytes: All of it, from its first byte on.
    /// - Returns: nil if it was not read to its end.
    func parts(_ bytes: [UInt8]) -> (line: Line, fields: HeaderFields)? {
        guard self.hasStartLine else { return nil }
        return (self.line, HeaderFields(bytes, fields: self.fields))
    }

    /// Takes the bytes from `start` on, which follow those taken before; the head begins with the first byte.
    mutating func consume(_ bytes: borrowing Span<UInt8>, from start: Int) -> Verdict {
        let end = min(bytes.count, start + self.maximumBytes - self.byteCount)
        var index = start
        while index < end {
            // Most bytes change nothing: those of names and values are passed over without asking what place it is.
            switch self.place {
            case .fieldValue:
                while index < end, Self.isText(bytes[index]) { index += 1 }
            case .fieldName:
                while index < end, HTTPToken.contains(bytes[index]) { index += 1 }
            case .startLine:
                index = self.line.skip(bytes, from: index, to: end)
            case .lineStart, .lineFeed, .lastLineFeed:
                break
            }
            guard index < end else { break }
            switch self.consume(bytes[index], at: index) {
            case .incomplete: index += 1
            case .complete: return .complete(byteCount: index + 1)
            case .refused(let code, let detail): return .refused(code, detail)
            }
        }
        self.byteCount += end - start
        guard end == bytes.count else {
            return .refused(.headersTooLarge, "The head has more than \(self.maximumBytes) bytes.")
        }
        return .incomplete
    }

    private mutating func consume(_ byte: UInt8, at index: Int) -> Verdict {
        switch self.place {
        case .fieldValue:
            return self.controlInValue(byte, at: index)
        case .fieldName:
            guard byte == UInt8(ascii: ":") else {
                return .refused(.badRequest, "A field name is followed by its colon and nothing else.")
            }
            self.nameEnd = index
            self.place = .fieldValue
            return .incomplete
        case .startLine:
            return self.startLine(byte, at: index)
        case .lineStart:
            return self.lineStart(byte, at: index)
        case .lineFeed:
            guard byte == 0x0A else { return .refused(.badRequest, "A line ends in CR LF.") }
            self.place = .lineStart
            return .incomplete
        case .lastLineFeed:
            guard byte == 0x0A else { return .refused(.badRequest, "A line ends in CR LF.") }
            guard self.hasStartLine || !Line.mayFollowEmptyLines else {
                // RFC 9112, section 2.2: empty lines before the request line are passed over.
                self.place = .lineStart
                return .incomplete
            }
            return .complete(byteCount: 0)
        }
    }

    private mutating func controlInValue(_ byte: UInt8, at index: Int) -> Verdict {
        switch byte {
        case 0x0D:
            self.fields.append(
                HeaderFields.Field(name: self.nameStart..<self.nameEnd, value: self.nameEnd + 1..<index)
            )
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

    private mutating func startLine(_ byte: UInt8, at index: Int) -> Verdict {
        switch self.line.consume(byte, at: index) {
        case .incomplete:
            return .incomplete
        case .complete:
            self.hasStartLine = true
            self.place = .lineFeed
            return .incomplete
        case .refused(let code, let detail):
            return .refused(code, detail)
        }
    }

    private mutating func lineStart(_ byte: UInt8, at index: Int) -> Verdict {
        if byte == 0x0D, self.hasStartLine || Line.mayFollowEmptyLines {
            self.place = .lastLineFeed
            return .incomplete
        }
        guard self.hasStartLine else {
            self.place = .startLine
            return self.startLine(byte, at: index)
        }
        guard HTTPToken.contains(byte) else {
            return .refused(.badRequest, "A header line begins with the field's name.")
        }
        guard self.fields.count < self.maximumFieldCount else {
            return .refused(.headersTooLarge, "The head has more than \(self.maximumFieldCount) header fields.")
        }
        if self.fields.isEmpty { self.fields.reserveCapacity(16) }
        self.nameStart = index
        self.place = .fieldName
        return .incomplete
    }

    /// What a value is made of, besides tabs.
    private static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F
    }
}
