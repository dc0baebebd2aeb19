package import NIOHTTP1

/// The head of an upstream's answer, judged as strictly as a client's request: what two readers could take for two
/// different answers is not passed on.
package struct UpstreamAnswer: Sendable {
    /// How its body is framed (RFC 9112, section 6.3).
    package enum Framing: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
        /// By the end of the connection.
        case connection
    }

    /// Why a head is not taken.
    internal struct Fault: Error {
        let detail: String
    }

    /// Code and reason.
    package let status: HTTPResponseStatus
    /// Its fields, as they came.
    package let fields: HeaderFields
    package let framing: Framing
    /// Whether the connection can be used again after it.
    package let isKeepAlive: Bool

    /// An interim answer, after which the final one comes; 101 is final here.
    package var isInterim: Bool { self.status.code < 200 && self.status.code != 101 }

    /// Judges a head.
    ///
    /// - Parameters:
    ///   - line: Its status line.
    ///   - reason: The reason in it.
    ///   - fields: Its fields.
    ///   - isHead: Whether it answers HEAD, so that no body follows.
    /// - Throws: Why its framing is in doubt.
    internal init(
        _ line: StatusLineReader,
        reason: String,
        fields: HeaderFields,
        isHead: Bool
    ) throws(Fault) {
        self.status =
            HTTPResponseStatus(statusCode: line.code).reasonPhrase == reason
            ? HTTPResponseStatus(statusCode: line.code) : .custom(code: UInt(line.code), reasonPhrase: reason)
        self.fields = fields
        guard !fields.hasTabBehindFraming else { throw Fault(detail: "A length or coding has a tab behind its value.") }
        let codings = fields["Transfer-Encoding"]
        let lengths = fields["Content-Length"]
        guard codings.isEmpty || lengths.isEmpty else {
            throw Fault(detail: "The answer has a Content-Length and a Transfer-Encoding.")
        }
        guard codings.isEmpty || codings.count == 1 && codings[0].lowercased() == "chunked" && !line.isVersion10 else {
            throw Fault(detail: "The only Transfer-Encoding that is taken is chunked, once, in HTTP/1.1.")
        }
        let length = try Self.length(lengths)
        let hasNoBody = line.code < 200 || line.code == 204 || line.code == 304
        if hasNoBody || isHead {
            self.framing = .none
        } else if !codings.isEmpty {
            self.framing = .chunked
        } else {
            self.framing = length.map { .length($0) } ?? .connection
        }
        // A body behind an answer that has none would be taken for the next answer.
        let isSound = !hasNoBody || codings.isEmpty && (line.code == 304 || length ?? 0 == 0)
        self.isKeepAlive = isSound && self.framing != .connection && Self.isKeepAlive(fields, line.isVersion10)
    }

    private static func length(_ lengths: [String]) throws(Fault) -> Int? {
        guard let value = lengths.first else { return nil }
        // Eighteen digits fit an Int.
        guard lengths.count == 1, !value.isEmpty, value.utf8.count <= 18,
            value.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let length = Int(value)
        else {
            throw Fault(detail: "The Content-Length is not one number.")
        }
        return length
    }

    private static func isKeepAlive(_ fields: HeaderFields, _ isVersion10: Bool) -> Bool {
        let options = fields.elements(of: "Connection").map { $0.lowercased() }
        guard !options.contains("close") else { return false }
        return !isVersion10 || options.contains("keep-alive")
    }
}
