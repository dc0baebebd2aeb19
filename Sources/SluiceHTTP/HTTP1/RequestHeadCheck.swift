internal import NIOHTTP1

/// The head of a request, parsed, and not yet judged.
internal struct RequestHead {
    let method: HTTPMethod
    let target: String
    let isVersion10: Bool
    let headers: HeaderFields
}

extension HeadReader where Line == RequestLineReader {
    /// The head that was read to its end.
    ///
    /// - Parameter bytes: All of it, from its first byte on.
    /// - Returns: nil if it was not read to its end.
    func head(_ bytes: [UInt8]) -> RequestHead? {
        guard let (line, fields) = self.parts(bytes) else { return nil }
        return RequestHead(
            method: line.method ?? HTTPMethod(rawValue: String(decoding: bytes[line.methodPlace], as: UTF8.self)),
            target: String(decoding: bytes[line.target], as: UTF8.self),
            isVersion10: line.isVersion10,
            headers: fields
        )
    }
}

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
        var hasConnection = false
        /// Whether a tab stands behind what says how long the body is.
        var hasTabInFraming = false

        init(_ headers: HeaderFields) {
            for field in headers.fields {
                // The lengths of the names tell most fields apart without looking at them.
                switch field.name.count {
                case 4 where headers.isNamed("host", field): self.host.add(headers.text(field.value))
                case 6 where headers.isNamed("expect", field): self.expectation.add(headers.text(field.value))
                case 7 where headers.isNamed("upgrade", field): self.hasUpgrade = true
                case 10 where headers.isNamed("connection", field): self.hasConnection = true
                case 14 where headers.isNamed("content-length", field):
                    self.length.add(headers.text(field.value))
                    if headers.hasTrailingTab(field) { self.hasTabInFraming = true }
                case 17 where headers.isNamed("transfer-encoding", field):
                    self.coding.add(headers.text(field.value))
                    if headers.hasTrailingTab(field) { self.hasTabInFraming = true }
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
        private(set) var request: HTTPRequest
        /// Whether it asks for another protocol: what its client sends next may be that protocol's already.
        let asksForUpgrade: Bool
        /// Shared by the requests that repeat the head; nil where that is not looked for.
        var note: HeadNote?

        /// The same head with another length of the body.
        func with(contentLength: Int, head: [UInt8]) -> Self {
            var accepted = self
            accepted.request.contentLength = contentLength
            accepted.request.headers = self.request.headers.moved(to: head)
            return accepted
        }
    }

    /// Judges a head.
    ///
    /// - Throws: The problem to be answered. After it the connection has to end: the framing of what follows is in
    ///   doubt, or not worth finding out.
    static func accept(_ head: RequestHead, limits: HTTPLimits) throws(Problem) -> Accepted {
        let isVersion10 = head.isVersion10
        let fields = Fields(head.headers)
        guard !fields.hasTabInFraming else {
            throw Problem(.badRequest, "Content-Length and Transfer-Encoding have no tab behind their value.")
        }
        let isChunked = try Self.isChunked(fields, isVersion10: isVersion10)
        let contentLength = try Self.contentLength(fields)
        let expectsContinue = try Self.expectsContinue(fields, isVersion10: isVersion10)
        try Self.checkHost(fields, isVersion10: isVersion10)
        guard head.target.hasPrefix("/") || head.target == "*" || head.target.contains("://") else {
            // RFC 9112, section 3.2.3: the authority alone is for CONNECT.
            throw Problem(.badRequest, "The request target is a path, or a URL.")
        }
        guard let target = RequestTarget(head.target, maximumParameterCount: limits.maximumQueryParameterCount) else {
            throw Problem(.invalidTarget, "The request target is not a path and query that the gateway takes.")
        }
        guard !target.isAsterisk || head.method == .OPTIONS else {
            throw Problem(.invalidTarget, "Only OPTIONS may have the target *.")
        }
        var request = HTTPRequest(
            method: head.method,
            target: head.target,
            path: target.path,
            isAsterisk: target.isAsterisk,
            query: target.query,
            authority: target.authority ?? fields.host.value,
            headers: head.headers,
            isVersion10: isVersion10,
            isKeepAlive: Self.isKeepAlive(fields, head),
            expectsContinue: expectsContinue,
            contentLength: contentLength,
            isChunked: isChunked
        )
        request.isDecodable = target.isDecodable
        return Accepted(request: request, asksForUpgrade: fields.hasUpgrade)
    }

    /// RFC 9112, section 9.3: `close` wins over all else.
    private static func isKeepAlive(_ fields: Fields, _ head: RequestHead) -> Bool {
        guard fields.hasConnection else { return !head.isVersion10 }
        let options = head.headers.elements(of: "Connection")
        guard !options.contains(where: { Fields.equal($0, "close") }) else { return false }
        return !head.isVersion10 || options.contains { Fields.equal($0, "keep-alive") }
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
