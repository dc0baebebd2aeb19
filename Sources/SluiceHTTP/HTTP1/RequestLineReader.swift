internal import NIOHTTP1

/// Reads a request line as it arrives: a method, one space, a target of visible ASCII, one space, and a version that is
/// spoken here (RFC 9112, section 3).
internal struct RequestLineReader: StartLineReader {
    private enum Place {
        case method
        case target
        case version
    }

    static let mayFollowEmptyLines = true
    /// The methods that are told apart without a look at the head; which of them a resource has is the router's
    /// business.
    private static let methods: [(UInt64, HTTPMethod)] =
        [HTTPMethod.GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS].map { (Self.pack($0.rawValue), $0) }
    /// Nothing here is a forward proxy, nor gives a request back to its sender.
    private static let refusedMethods = [Self.pack("CONNECT"), Self.pack("TRACE")]
    private static let version11 = Self.pack("HTTP/1.1")
    private static let version10 = Self.pack("HTTP/1.0")
    private static let versionName = Self.pack("HTTP/")
    /// Longer than any method that is registered with IANA.
    private static let maximumMethodBytes = 32
    private static let versionBytes = 8

    /// A method by its name, as a request line may have it; nil for others.
    static func method(named name: String) -> HTTPMethod? {
        guard (1...Self.maximumMethodBytes).contains(name.utf8.count), name.utf8.allSatisfy(HTTPToken.contains),
            !Self.refusedMethods.contains(Self.pack(name)) || name.utf8.count > 8
        else {
            return nil
        }
        return HTTPMethod(rawValue: name)
    }

    private var place = Place.method
    /// The last eight bytes of the word at hand; enough to know every word that is taken.
    private var word: UInt64 = 0
    private var wordByteCount = 0
    /// Once it has been read, if it is one of the usual ones.
    private(set) var method: HTTPMethod?
    /// Where in the head the method stands, once it has been read.
    private(set) var methodPlace = 0..<0
    /// Where in the head the target stands, once it has been read.
    private(set) var target = 0..<0
    /// Whether the version is 1.0.
    private(set) var isVersion10 = false

    /// Passes over the bytes of a target that change nothing.
    ///
    /// - Returns: Where the first byte stands that does.
    mutating func skip(_ bytes: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int {
        guard self.place == .target else { return start }
        var index = start
        while index < end, Self.isVisible(bytes[index]) { index += 1 }
        self.wordByteCount += index - start
        return index
    }

    /// Takes the byte that follows those given before; it stands at this place of the head.
    mutating func consume(_ byte: UInt8, at index: Int) -> StartLineVerdict {
        switch self.place {
        case .method: self.method(byte, at: index)
        case .target: self.target(byte, at: index)
        case .version: self.version(byte)
        }
    }

    private mutating func method(_ byte: UInt8, at index: Int) -> StartLineVerdict {
        guard byte == UInt8(ascii: " "), self.wordByteCount > 0 else {
            guard HTTPToken.contains(byte), self.wordByteCount < Self.maximumMethodBytes else {
                return .refused(.badRequest, "The request line does not begin with a method.")
            }
            self.append(byte)
            return .incomplete
        }
        if self.wordByteCount < 8 {
            guard !Self.refusedMethods.contains(self.word) else {
                return .refused(.notImplemented, "The gateway does not take this method.")
            }
            self.method = Self.methods.first { $0.0 == self.word }?.1
        }
        self.methodPlace = index - self.wordByteCount..<index
        self.begin(.target)
        return .incomplete
    }

    private mutating func target(_ byte: UInt8, at index: Int) -> StartLineVerdict {
        if Self.isVisible(byte) {
            self.wordByteCount += 1
            return .incomplete
        }
        guard byte == UInt8(ascii: " "), self.wordByteCount > 0 else {
            return .refused(.badRequest, "The request line is a method, a target and a version, one space between.")
        }
        self.target = index - self.wordByteCount..<index
        self.begin(.version)
        return .incomplete
    }

    private mutating func version(_ byte: UInt8) -> StartLineVerdict {
        guard byte == 0x0D else {
            guard Self.isVisible(byte), self.wordByteCount < Self.versionBytes else {
                return .refused(.badRequest, "The request line does not end in a version.")
            }
            self.append(byte)
            return .incomplete
        }
        self.isVersion10 = self.word == Self.version10
        if self.isVersion10 || self.word == Self.version11 { return .complete }
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

    private static func isVisible(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F
    }

    private static func pack(_ word: String) -> UInt64 {
        word.utf8.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
