internal import NIOCore
internal import NIOSSL

extension Channel {
    /// Closes the connection as it is, without waiting for the peer's end of TLS; from any thread.
    func cut() {
        self.eventLoop.execute {
            let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
            // From its own place outward a close does not come by the TLS handler, which would wait.
            tls?.close(promise: nil) ?? self.close(promise: nil)
        }
    }
}
