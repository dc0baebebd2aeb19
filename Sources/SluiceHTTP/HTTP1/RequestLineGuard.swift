/// Reads a request line byte by byte: a method that is known, one space, a target of visible ASCII, one space, and a
/// version that is spoken here (RFC 9112, section 3).
internal struct RequestLineGuard {
    /// The result after one more byte.
    enum Verdict: Equatable {
        /// The line continues.
        case incomplete
        /// That byte was the CR at its end.
        case complete
        /// The line is not taken.
        case refused(ProblemCode, String)
    }

    private enum Place {
        case method
        case target
        case version
    }

    /// The methods that the gateway knows; which of them a resource has is the router's business.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(Self.pack)
    private static let versions = (Self.pack("HTTP/1.1"), Self.pack("HTTP/1.0"))
    private static let versionName = Self.pack("HTTP/")
    /// Longer than any method that is registered with IANA.
    private static let maximumMethodBytes = 32
    private static let versionBytes = 8

    private var place = Place.method
    /// The last eight bytes of the word at hand; enough to know every word that is taken.
    private var word: UInt64 = 0
    private var wordByteCount = 0

    /// Takes the byte that follows those given before.
    mutating func consume(_ byte: UInt8) -> Verdict {
        switch self.place {
        case .method: self.method(byte)
        case .target: self.target(byte)
        case .version: self.version(byte)
        }
    }

    private mutating func method(_ byte: UInt8) -> Verdict {
        guard byte == UInt8(ascii: " "), self.wordByteCount > 0 else {
            guard RequestHeadGuard.isToken(byte), self.wordByteCount < Self.maximumMethodBytes else {
                return .refused(.badRequest, "The request line does not begin with a method.")
            }
            self.append(byte)
            return .incomplete
        }
        guard self.wordByteCount < 8, Self.methods.contains(self.word) else {
            return .refused(.notImplemented, "The gateway does not know this method.")
        }
        self.begin(.target)
        return .incomplete
    }

    private mutating func target(_ byte: UInt8) -> Verdict {
        if byte > 0x20, byte < 0x7F {
            self.wordByteCount += 1
            return .incomplete
        }
        guard byte == UInt8(ascii: " "), self.wordByteCount > 0 else {
            return .refused(.badRequest, "The request line is a method, a target and a version, one space between.")
        }
        self.begin(.version)
        return .incomplete
    }

    private mutating func version(_ byte: UInt8) -> Verdict {
        guard byte == 0x0D else {
            guard byte > 0x20, byte < 0x7F, self.wordByteCount < Self.versionBytes else {
                return .refused(.badRequest, "The request line does not end in a version.")
            }
            self.append(byte)
            return .incomplete
        }
        if self.word == Self.versions.0 || self.word == Self.versions.1 { return .complete }
        guard self.wordByteCount > 5, self.word >> UInt64(8 * (self.wordByteCount - 5)) == Self.versionName else {
            return .refused(.badRequest, "The request line does not end in a version.")
        }
        return .refused(.versionNotSupported, "The gateway speaks HTTP/1.1 and HTTP/1.0.")
    }

    private mutating func append(_ byte: UInt8) {
        self.word = self.word << 8 | UInt64(byte)
        self.wordByteCount += 1
    }

    private mutating func begin(_ place: Place) {
        self.word = 0
        self.wordByteCount = 0
        self.place = place
    }

    private static func pack(_ word: String) -> UInt64 {
        word.utf8.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
