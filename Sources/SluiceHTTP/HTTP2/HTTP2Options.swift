/// What an operator may choose about HTTP/2.
package struct HTTP2Options: Sendable, Equatable {
    /// The most streams that a client may have open on a connection; more are refused one by one.
    package var maximumStreamCount = 100
    /// Whether a client may begin a WebSocket on a stream (RFC 8441).
    package var allowsWebSocket = true
    /// The most bytes that wait on a stream, and on a connection, before it is not writable.
    package var highWatermark = 1024 * 1024

    package init() {}
}
