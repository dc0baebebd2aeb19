/// Reads the framing of a chunked body (RFC 9112, section 7.1) to its end, bounds what comes with no data, and refuses
/// what parsers are known to disagree on.
///
/// Extensions are bounded and passed over, whatever their grammar; trailers are checked and kept.
internal struct ChunkedBodyReader {
    /// What is known after some more bytes.
    enum Verdict: Equatable {
        /// The body goes on; what was given is framing.
        case incomplete
        /// Behind so many bytes of framing stands so much data; the rest has not been looked at.
        case data(framing: Int, byteCount: Int)
        /// The body ends with that many bytes of what was given last.
        case complete(byteCount: Int)
        /// The body's framing is broken.
        case refused(String)
    }

    private enum Place {
        case size
        case fieldExtension
        case sizeLineFeed
        case data
        case dataReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
    }

    /// Sixteen digits would not fit an Int; eight are what senders that pad with zeros write.
    private static let maximumSizeDigits = 8

    private let maximumExtensionBytes: Int
    private let maximumTrailerBytes: Int
    private var place = Place.size
    private var size = 0
    private var digitCount = 0
    private var extensionByteCount = 0
    private var trailerBytes: [UInt8] = []
    private var trailerFields: [HeaderFields.Field] = []
    private var nameStart = 0
    private var nameEnd = 0

    /// A reader of one body.
    init(limits: HTTPLimits) {
        self.maximumExtensionBytes = limits.maximumChunkExtensionBytes
        self.maximumTrailerBytes = limits.maximumTrailerBytes
    }

    /// The trailers, once the body is complete; nil if there are none.
    var trailers: HeaderFields? {
        self.trailerFields.isEmpty ? nil : HeaderFields(self.trailerBytes, fields: self.trailerFields)
    }

    /// Takes the bytes that follow those given before, up to the next piece of data.
    mutating func consume(_ bytes: borrowing Span<UInt8>) -> Verdict {
        var index = 0
        while index < bytes.count {
            if self.place == .data {
                let byteCount = min(self.size, bytes.count - index)
                self.size -= byteCount
                if self.size == 0 { self.place = .dataReturn }
                return .data(framing: index, byteCount: byteCount)
            }
            switch self.consume(bytes[index]) {
            // One byte of framing is never data.
            case .incomplete, .data: index += 1
            case .complete: return .complete(byteCount: index + 1)
            case .refused(let detail): return .refused(detail)
            }
        }
        return .incomplete
    }

    private mutating func consume(_ byte: UInt8) -> Verdict {
        switch self.place {
        case .size, .fieldExtension, .sizeLineFeed:
            return self.sizeLine(byte)
        case .data:
            preconditionFailure("the data of a chunk is taken before its bytes are looked at")
        case .dataReturn:
            return self.expect(byte, 0x0D, then: .dataLineFeed)
        case .dataLineFeed:
            self.digitCount = 0
            return self.expect(byte, 0x0A, then: .size)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed:
            return self.trailer(byte)
        case .lastLineFeed:
            return byte == 0x0A ? .complete(byteCount: 0) : .refused("A line ends in CR LF.")
        }
    }

    private mutating func expect(_ byte: UInt8, _ expected: UInt8, then next: Place) -> Verdict {
        guard byte == expected else { return .refused("A chunk does not end where its size says.") }
        self.place = next
        return .incomplete
    }

    private mutating func sizeLine(_ byte: UInt8) -> Verdict {
        if self.place == .sizeLineFeed {
            guard byte == 0x0A else { return .refused("A line ends in CR LF.") }
            self.place = self.size == 0 ? .trailerStart : .data
            self.extensionByteCount = 0
            return .incomplete
        }
        if byte == 0x0D, self.digitCount > 0 {
            self.place = .sizeLineFeed
            return .incomplete
        }
        if self.place == .size, let digit = PercentDecoding.digit(byte) {
            self.size = (self.digitCount == 0 ? 0 : self.size) << 4 | Int(digit)
            self.digitCount += 1
            return self.digitCount <= Self.maximumSizeDigits ? .incomplete : .refused("A chunk's size is too long.")
        }
        if self.place == .size {
            guard byte == UInt8(ascii: ";"), self.digitCount > 0 else {
                return .refused("A chunk's size is not hexadecimal digits.")
            }
            self.place = .fieldExtension
        }
        self.extensionByteCount += 1
        guard byte >= 0x20 || byte == 0x09, byte != 0x7F else {
            return .refused("A chunk's extension has a control character.")
        }
        guard self.extensionByteCount <= self.maximumExtensionBytes else {
            return .refused("A chunk's extensions are too long.")
        }
        return .incomplete
    }

    private mutating func trailer(_ byte: UInt8) -> Verdict {
        let index = self.trailerBytes.count
        self.trailerBytes.append(byte)
        guard index < self.maximumTrailerBytes else { return .refused("The trailers are too long.") }
        switch self.place {
        case .trailerStart where byte == 0x0D:
            self.place = .lastLineFeed
        case .trailerStart where HTTPToken.contains(byte):
            self.nameStart = index
            self.place = .trailerName
        case .trailerName where HTTPToken.contains(byte):
            break
        case .trailerName where byte == UInt8(ascii: ":"):
            self.nameEnd = index
            self.place = .trailerValue
        case .trailerValue where byte == 0x0D:
            let place = HeaderFields.Field(name: self.nameStart..<self.nameEnd, value: self.nameEnd + 1..<index)
            self.trailerFields.append(place)
            self.place = .trailerLineFeed
        case .trailerValue where byte >= 0x20 && byte != 0x7F || byte == 0x09:
            break
        case .trailerLineFeed where byte == 0x0A:
            self.place = .trailerStart
        default:
            return .refused("A trailer is not a field line.")
        }
        return .incomplete
    }
}
