package import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import SwiftASN1
internal import X509

/// Takes the verified client certificate once the TLS handshake is done, and leaves.
package final class ClientCertificateHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let shown: (ClientCertificate?) -> Void
    private let authorities: ClientAuthorities

    /// - Parameters:
    ///   - authorities: Those under which this handshake verifies it.
    ///   - shown: Told of the certificate, nil if the client showed none, before anything is read from the connection.
    package init(authorities: ClientAuthorities, shown: @escaping (ClientCertificate?) -> Void) {
        self.authorities = authorities
        self.shown = shown
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before it leaves: a handler that has left hands nothing on.
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
            self.shown(handler?.peerCertificate.map { ClientCertificate($0, authorities: self.authorities) })
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}

extension NIOSSLCertificate {
    /// The longest name that a producer may have, in bytes.
    private static let maximumNameBytes = 256

    /// The producer that the certificate names: its first DNS name, e-mail address or URI, else its subject's common
    /// name (RFC 5280, sections 4.2.1.6 and 4.1.2.6); nil if there is none that can be shown and counted.
    var producerName: String? {
        // RFC 6125 calls the common name a last resort, for certificates without the others.
        let name = self.alternativeName ?? self.commonName
        return name.flatMap { name in
            let hasControl = name.unicodeScalars.contains { $0.properties.generalCategory == .control }
            return name.isEmpty || name.utf8.count > Self.maximumNameBytes || hasControl ? nil : name
        }
    }

    private var alternativeName: String? {
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

    /// The last common name of the subject: the most particular one.
    var commonName: String? {
        guard let bytes = try? self.toDERBytes(), let certificate = try? Certificate(derEncoded: bytes) else {
            return nil
        }
        let attributes = certificate.subject.flatMap { Array($0) }
        let last = attributes.last { $0.type == .RDNAttributeType.commonName }
        return last.flatMap { String($0.value) }
    }
}
