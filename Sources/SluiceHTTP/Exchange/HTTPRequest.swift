package import NIOHTTP1

/// A request's head, parsed and checked.
///
/// The body is none of its business.
package struct HTTPRequest: Sendable {
    /// The method; only those that the gateway knows get this far.
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
    package let headers: HeaderFields
    /// Whether the version is 1.0.
    package let isVersion10: Bool
    /// Whether the client would keep the connection (RFC 9112, section 9.3).
    package let isKeepAlive: Bool
    /// Whether the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1).
    package let expectsContinue: Bool
    /// The body's length in bytes, where the head says it.
    package let contentLength: Int?
    /// Whether a body follows whose length is not known.
    package internal(set) var isChunked: Bool
    /// Whether it came on a stream of HTTP/2.
    package internal(set) var isVersion2 = false
    /// The protocol that an extended CONNECT asks for on its stream, in the place of a GET with an upgrade (RFC 8441).
    package internal(set) var connectProtocol: String?

    /// Whether an answer of open length is framed in chunks.
    package var takesChunks: Bool { !self.isVersion10 && !self.isVersion2 }

    /// Whether a body follows the head.
    package var hasBody: Bool {
        self.isChunked || (self.contentLength ?? 0) > 0
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
