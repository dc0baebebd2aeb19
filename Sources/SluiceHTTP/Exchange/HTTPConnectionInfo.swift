package import NIOCore

/// The facts known about the connection of a request.
///
/// Belongs to the connection's event loop.
package final class HTTPConnectionInfo {
    /// The peer's address without its port, as the socket says it, or a load balancer that is believed; empty if it has
    /// none.
    package private(set) var peerAddress: String
    /// The peer's port, if it has one.
    package private(set) var peerPort: Int?
    /// Whether the peer is a process of this machine, which came by a socket in the file system.
    package private(set) var isLocal = false
    /// The port that the peer connected to, if any.
    package let localPort: Int?
    /// Whether the bytes travel over TLS that ends in this process.
    package let isTLS: Bool
    /// Makes the buffers of this connection.
    package let allocator: ByteBufferAllocator
    /// The verified client certificate, once the TLS handshake has shown one.
    package var clientCertificate: ClientCertificate?
    /// What the router's side keeps with the connection.
    package var note: AnyObject?
    /// Why the router wants this connection's requests refused, if it does.
    ///
    /// The answer is the router's; the HTTP side closes such a connection behind the first one.
    package var refusal: Problem? {
        didSet {
            self.isRefused = self.refusal != nil
        }
    }
    /// Whether there is a refusal: asked for each request.
    package private(set) var isRefused = false

    /// Collects a channel's own facts.
    package init(channel: any Channel, isTLS: Bool) {
        self.peerAddress = channel.remoteAddress?.ipAddress ?? ""
        self.peerPort = channel.remoteAddress?.port
        self.localPort = channel.localAddress?.port
        self.isTLS = isTLS
        self.allocator = channel.allocator
    }

    /// The peer is the client that a load balancer names.
    package func setPeer(_ address: String, port: Int) {
        self.peerAddress = address
        self.peerPort = port
    }

    /// The connection came by a socket in the file system.
    package func setLocal() {
        self.peerAddress = "unix"
        self.isLocal = true
    }
}

@available(*, unavailable)
extension HTTPConnectionInfo: Sendable {}
