internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Reads the name of a verified client certificate once the TLS handshake is done, and leaves.
final class ClientCertificateHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let connection: HTTPConnectionInfo

    init(connection: HTTPConnectionInfo) {
        self.connection = connection
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
            self.connection.clientCertificateName = handler?.peerCertificate?.producerName
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }
}

extension NIOSSLCertificate {
    /// The producer that the certificate names: its first DNS or e-mail name, else nothing.
    var producerName: String? {
        for name in self._subjectAlternativeNames() {
            switch name.nameType {
            case .dnsName, .email, .uri:
                return String(
                    decoding: unsafe name.contents.withUnsafeBufferPointer { unsafe Array($0) },
                    as: UTF8.self
                )
            default:
                continue
            }
        }
        return nil
    }
}
