/// Reads a status line as it arrives: a version that is spoken here, one space, three digits, and perhaps a reason
/// (RFC 9112, section 4).
internal struct StatusLineReader: StartLineReader {
    private enum Place {
        case version
        case code
        case codeEnd
        case reason
    }

    static let mayFollowEmptyLines = false
    private static let version11 = Array("HTTP/1.1".utf8)
    private static let version10 = Array("HTTP/1.0".utf8)

    private var place = Place.version
    private var version: [UInt8] = []
    private var digitCount = 0
    /// The three digits, once they have been read.
    private(set) var code = 0
    /// Where in the head the reason stands.
    private(set) var reason = 0..<0

    /// Whether the version is 1.0.
    var isVersion10: Bool { self.version == Self.version10 }

    mutating func skip(_ bytes: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int {
        start
    }

    mutating func consume(_ byte: UInt8, at index: Int) -> StartLineVerdict {
        switch self.place {
        case .version:
            return self.version(byte)
        case .code:
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return Self.broken }
            self.code = self.code * 10 + Int(byte - UInt8(ascii: "0"))
            self.digitCount += 1
            if self.digitCount == 3 {
                guard self.code >= 100 else { return Self.broken }
                self.place = .codeEnd
            }
            return .incomplete
        case .codeEnd:
            // Some leave out the space where no reason follows.
            self.reason = index..<index
            guard byte != 0x0D else { return .complete }
            guard byte == UInt8(ascii: " ") else { return Self.broken }
            self.reason = index + 1..<index + 1
            self.place = .reason
            return .incomplete
        case .reason:
            self.reason = self.reason.lowerBound..<index
            guard byte != 0x0D else { return .complete }
            return byte >= 0x20 && byte != 0x7F || byte == 0x09 ? .incomplete : Self.broken
        }
    }

    private mutating func version(_ byte: UInt8) -> StartLineVerdict {
        guard self.version.count == Self.version11.count else {
            self.version.append(byte)
            return .incomplete
        }
        guard byte == UInt8(ascii: " "), self.version == Self.version11 || self.isVersion10 else { return Self.broken }
        self.place = .code
        return .incomplete
    }

    private static let broken = StartLineVerdict.refused(.badRequest, "The status line is no version and code.")
}
