package import NIOCore

/// What is known of the connection that a request came by.
///
/// Belongs to the connection's event loop.
package final class HTTPConnectionInfo {
    /// The peer's address without its port, as the socket says it; empty if it has none.
    package let peerAddress: String
    /// The peer's port, if it has one.
    package let peerPort: Int?
    /// The port that the peer connected to, if any.
    package let localPort: Int?
    /// Whether the bytes travel over TLS that ends in this process.
    package let isTLS: Bool
    /// Makes the buffers of this connection.
    package let allocator: ByteBufferAllocator
    /// The verified client certificate, once the TLS handshake has shown one.
    package var clientCertificate: ClientCertificate?
    /// Why the router wants this connection's requests refused, if it does.
    ///
    /// The answer is the router's; the HTTP side closes such a connection behind the first one.
    package var refusal: Problem?

    /// Collects what a channel says of itself.
    package init(channel: any Channel, isTLS: Bool) {
        self.peerAddress = channel.remoteAddress?.ipAddress ?? ""
        self.peerPort = channel.remoteAddress?.port
        self.localPort = channel.localAddress?.port
        self.isTLS = isTLS
        self.allocator = channel.allocator
    }
}

@available(*, unavailable)
extension HTTPConnectionInfo: Sendable {}
