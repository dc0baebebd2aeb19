internal import NIOHTTP1

/// Judges the meaning of a parsed head: the framing of its body, its target, and its demands on the connection.
internal struct RequestHeadCheck {
    /// A field that may occur once.
    private struct Field {
        private(set) var value: String?
        private(set) var count = 0

        mutating func add(_ value: String) {
            self.count += 1
            if self.count == 1 { self.value = value }
        }
    }

    /// The fields that decide about framing and routing, found in one pass.
    private struct Fields {
        var host = Field()
        var length = Field()
        var coding = Field()
        var expectation = Field()
        var hasUpgrade = false
        /// Whether some value has white space around it, of these fields or of others.
        var hasOuterWhiteSpace = false

        init(_ headers: HTTPHeaders) {
            for (name, value) in headers {
                if HTTPHeaders.hasOuterWhiteSpace(value) {
                    self.hasOuterWhiteSpace = true
                }
                // The lengths of the names tell most fields apart without looking at them.
                switch name.utf8.count {
                case 4 where Self.equal(name, "host"): self.host.add(value)
                case 6 where Self.equal(name, "expect"): self.expectation.add(value)
                case 7 where Self.equal(name, "upgrade"): self.hasUpgrade = true
                case 14 where Self.equal(name, "content-length"): self.length.add(value)
                case 17 where Self.equal(name, "transfer-encoding"): self.coding.add(value)
                default: break
                }
            }
        }

        /// Compares without regard to the case of letters; `lowercase` must be lower-case ASCII already.
        static func equal(_ name: String, _ lowercase: String) -> Bool {
            name.utf8.elementsEqual(lowercase.utf8) {
                $0 == $1 || (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 && $0 | 0x20 == $1)
            }
        }
    }

    /// A request, and its head's meaning for the connection.
    struct Accepted {
        /// The request.
        let request: HTTPRequest
        /// Whether the parser takes no more bytes after this request, because it might be an upgrade.
        let stopsParser: Bool
    }

    /// Judges a head.
    ///
    /// - Throws: The problem to answer with. The connection must end after it: the framing of later bytes is in doubt,
    ///   or not worth finding out.
    static func accept(_ head: HTTPRequestHead, limits: HTTPLimits) throws(Problem) -> Accepted {
        let isVersion10 = head.version == .http1_0
        guard isVersion10 || head.version == .http1_1 else { throw Problem(.versionNotSupported) }
        var head = head
        var fields = Fields(head.headers)
        if fields.hasOuterWhiteSpace {
            // The parser's own look at Connection goes with the old fields: it had not seen through the white space.
            head.headers = head.headers.withoutOuterWhiteSpace
            fields = Fields(head.headers)
        }
        let isChunked = try Self.isChunked(fields, isVersion10: isVersion10)
        let contentLength = try Self.contentLength(fields)
        let expectsContinue = try Self.expectsContinue(fields, isVersion10: isVersion10)
        try Self.checkHost(fields, isVersion10: isVersion10)
        guard let target = RequestTarget(head.uri, maximumParameterCount: limits.maximumQueryParameterCount) else {
            throw Problem(.invalidTarget, "The request target is not a path and query that the gateway takes.")
        }
        guard !target.isAsterisk || head.method == .OPTIONS else {
            throw Problem(.invalidTarget, "Only OPTIONS may have the target *.")
        }
        let request = HTTPRequest(
            method: head.method,
            target: head.uri,
            path: target.path,
            isAsterisk: target.isAsterisk,
            query: target.query,
            authority: target.authority ?? fields.host.value,
            headers: head.headers,
            isVersion10: isVersion10,
            isKeepAlive: head.isKeepAlive,
            expectsContinue: expectsContinue,
            contentLength: contentLength,
            isChunked: isChunked
        )
        return Accepted(request: request, stopsParser: fields.hasUpgrade)
    }

    /// RFC 9112, sections 6.1 and 6.3: a coding besides `chunked`, together with a length, or from a client of 1.0 is
    /// how one request is made to look like two.
    private static func isChunked(_ fields: Fields, isVersion10: Bool) throws(Problem) -> Bool {
        guard let coding = fields.coding.value else { return false }
        guard fields.coding.count == 1, Fields.equal(coding, "chunked") else {
            throw Problem(.badRequest, "The only Transfer-Encoding that is taken is chunked, once.")
        }
        guard !isVersion10 else { throw Problem(.badRequest, "HTTP/1.0 has no Transfer-Encoding.") }
        guard fields.length.count == 0 else {
            throw Problem(.badRequest, "A request has a Content-Length or a Transfer-Encoding, not both.")
        }
        return true
    }

    private static func contentLength(_ fields: Fields) throws(Problem) -> Int? {
        guard let value = fields.length.value else { return nil }
        // Eighteen digits fit an Int.
        guard fields.length.count == 1, !value.isEmpty, value.utf8.count <= 18,
            value.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let length = Int(value)
        else { throw Problem(.badRequest, "The Content-Length is not one number.") }
        return length
    }

    private static func expectsContinue(_ fields: Fields, isVersion10: Bool) throws(Problem) -> Bool {
        guard let expectation = fields.expectation.value else { return false }
        guard fields.expectation.count == 1, Fields.equal(expectation, "100-continue") else {
            throw Problem(.expectationFailed, "The only expectation that is met is 100-continue.")
        }
        // RFC 9110, section 10.1.1: from a client of 1.0 it is ignored.
        return !isVersion10
    }

    private static func checkHost(_ fields: Fields, isVersion10: Bool) throws(Problem) {
        guard fields.host.count == 1 || (isVersion10 && fields.host.count == 0) else {
            throw Problem(.badRequest, "A request has one Host field.")
        }
        guard fields.host.value.map(HostField.isValid) ?? true else {
            throw Problem(.badRequest, "The Host field is not a host and port.")
        }
    }
}
