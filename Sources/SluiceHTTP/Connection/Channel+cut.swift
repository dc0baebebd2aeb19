package import NIOCore
internal import NIOSSL

extension Channel {
    /// Ends the connection at once, on its event loop, and discards the bytes that it has not taken.
    ///
    /// This bypasses TLS: its closing message would wait for a peer that does not answer.
    package func cut() {
        let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        // From its own place outward a close does not come by the TLS handler.
        tls?.close(mode: .all, promise: nil) ?? self.close(mode: .all, promise: nil)
    }

    /// How many bytes were written to the connection and not taken by its socket.
    package var waitingBytes: Int {
        (try? self.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
