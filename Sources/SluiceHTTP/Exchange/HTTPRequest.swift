package import NIOHTTP1

/// A request's head, parsed and checked.
///
/// The body is none of its business.
package struct HTTPRequest: Sendable {
    /// The method; any token but CONNECT and TRACE.
    package let method: HTTPMethod
    /// The request target as it was sent.
    ///
    /// May hold secrets in its query: never log it whole.
    package let target: String
    /// The path's segments, percent-decoded: `/api/scans/a%20b` is `["api", "scans", "a b"]`, `/` is `[]`.
    ///
    /// An empty segment is kept as an empty string.
    package let path: [String]
    /// Whether the target is `*`, which only `OPTIONS` may have.
    package let isAsterisk: Bool
    /// The parameters of the query.
    package let query: QueryParameters
    /// Host and port that the request is for: of the target if it is absolute, else of `Host` (RFC 9112, section 3.3).
    package let authority: String?
    /// The header fields.
    package internal(set) var headers: HeaderFields
    /// Whether the version is 1.0.
    package let isVersion10: Bool
    /// Whether the client would keep the connection (RFC 9112, section 9.3).
    package let isKeepAlive: Bool
    /// Whether the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1).
    package let expectsContinue: Bool
    /// The body's length in bytes, where the head says it.
    package internal(set) var contentLength: Int?
    /// Whether a body follows whose length is not known.
    package internal(set) var isChunked: Bool
    /// Whether it came on a stream of HTTP/2.
    package internal(set) var isVersion2 = false
    /// The protocol that an extended CONNECT asks for on its stream, in the place of a GET with an upgrade (RFC 8441).
    package internal(set) var connectProtocol: String?

    /// Whether an answer of open length is framed in chunks.
    package var takesChunks: Bool { !self.isVersion10 && !self.isVersion2 }
    /// Whether path and query could be decoded.
    ///
    /// If not, the path has segments as they were sent, and the query may be empty: only what passes a request on
    /// unread may take it.
    package var isDecodable = true

    /// Whether the method is one of those that the gateway has a use for itself.
    package var hasKnownMethod: Bool {
        switch self.method {
        case .GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS: true
        default: false
        }
    }

    /// Whether a body follows the head.
    package var hasBody: Bool {
        self.isChunked || (self.contentLength ?? 0) > 0
    }

    /// Path and query as they were sent, without the scheme and authority of an absolute target.
    package var originForm: String {
        guard self.target.utf8.first != UInt8(ascii: "/"), !self.isAsterisk,
            let start = self.target.firstRange(of: "://")?.upperBound
        else {
            return self.target
        }
        let rest = self.target[start...].utf8
        guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }) else {
            return "/"
        }
        return (rest[end] == UInt8(ascii: "/") ? "" : "/") + self.target[end...]
    }

    /// The value of a field that may occur only once.
    ///
    /// - Returns: nil if the field is absent or occurs several times.
    package func single(_ name: String) -> String? {
        var found: String?
        for value in self.headers[name] {
            guard found == nil else { return nil }
            found = value
        }
        return found
    }
}
