package import NIOCore

/// How much and how long a connection may ask of the HTTP side, with the product's defaults.
package struct HTTPLimits: Sendable, Equatable {
    /// The most bytes of a request head: request line, fields and line ends.
    ///
    /// More is answered 431.
    package var maximumHeadBytes = 16 * 1024
    /// The most header fields of a request.
    ///
    /// More is answered 431.
    package var maximumHeaderCount = 100
    /// The most parameters of a query.
    ///
    /// More is answered 400.
    package var maximumQueryParameterCount = 64
    /// The most bytes of a body, for handlers that collect one.
    ///
    /// More is answered 413.
    package var maximumBodyBytes = 8 * 1024 * 1024
    /// The most bytes of one chunk's extensions (RFC 9112, section 7.1.1).
    package var maximumChunkExtensionBytes = 256
    /// The most bytes of a trailer section (RFC 9112, section 7.1.2).
    package var maximumTrailerBytes = 4 * 1024
    /// The most bytes of an unwanted body that are read so that the connection can be used again.
    package var maximumDrainedBytes = 64 * 1024
    /// The longest from a connection's start to the end of its TLS handshake.
    package var handshakeTimeout = TimeAmount.seconds(10)
    /// The longest from the first byte of a request (of a connection: from its start) to the end of its head.
    package var headTimeout = TimeAmount.seconds(10)
    /// The longest from the end of a head to the end of its body, unless the body is streamed.
    package var bodyTimeout = TimeAmount.seconds(30)
    /// The longest silence within a streamed body.
    package var streamIdleTimeout = TimeAmount.minutes(5)
    /// The longest that a connection stays without a request.
    package var keepAliveTimeout = TimeAmount.seconds(60)
    /// How long a connection for which bytes wait may take none of them; see ``DrainMachine``.
    package var drainTimeout = TimeAmount.seconds(30)
    /// The longest that a connection is still read from, after an answer that ends it, so that the peer gets to
    /// read that answer before its own unread bytes reset the connection (RFC 9112, section 9.6).
    package var lingerTimeout = TimeAmount.seconds(5)
    /// The most bytes read and thrown away during that time.
    package var maximumLingerBytes = 32 * 1024 * 1024

    package init() {}
}
