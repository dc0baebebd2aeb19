package import NIOCore
package import NIOHTTP1

/// A whole answer.
///
/// Length, date, connection and the fields that every answer has are added when it is written.
package struct HTTPResponse: Sendable {
    /// The status line's code and reason.
    package var status: HTTPResponseStatus
    /// Fields of this answer alone.
    ///
    /// Names and values must not contain control characters.
    package var headers: [(name: String, value: String)]
    /// The body's media type, if there is a body.
    package var contentType: String?
    /// The body; nil for none.
    package var body: ByteBuffer?
    /// Whether `Cache-Control: no-store` is added.
    package var isStorable: Bool

    /// An answer of any kind.
    package init(
        status: HTTPResponseStatus,
        headers: [(name: String, value: String)] = [],
        contentType: String? = nil,
        body: ByteBuffer? = nil,
        isStorable: Bool = true
    ) {
        self.status = status
        self.headers = headers
        self.contentType = contentType
        self.body = body
        self.isStorable = isStorable
    }

    /// An answer of JSON, which no cache may keep.
    package static func json(
        _ body: ByteBuffer,
        status: HTTPResponseStatus = .ok,
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: headers,
            contentType: "application/json",
            body: body,
            isStorable: false
        )
    }

    /// An answer of JSON that a source makes, which no cache may keep.
    package static func json(status: HTTPResponseStatus = .ok) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", isStorable: false)
    }

    /// An answer without a body.
    package static func empty(
        _ status: HTTPResponseStatus,
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, isStorable: false)
    }
}
