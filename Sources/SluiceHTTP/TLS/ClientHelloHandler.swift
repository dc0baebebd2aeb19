package import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Looks at the beginning of a TLS handshake, begins TLS with the certificate that fits, and leaves.
///
/// It stands only in connections that began while an authority may look for a challenge's certificate, or while there
/// is no other. Clients alone that ask for ``protocolName`` and nothing else get the former (RFC 8737 section 3).
package final class ClientHelloHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// What an authority asks for by ALPN.
    package static let protocolName = "acme-tls/1"
    /// A fatal `internal_error`, as a record of TLS 1.2: what the client asks for is not there yet (RFC 8446 section 6).
    private static let alert: [UInt8] = [21, 3, 3, 0, 2, 2, 80]

    private let tls: TLSContexts.Current
    private var bytes = ByteBuffer()
    private var isOver = false

    /// - Parameter tls: What there is to choose from.
    package init(tls: TLSContexts.Current) {
        self.tls = tls
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else {
            return
        }
        self.bytes.writeImmutableBuffer(self.unwrapInboundIn(data))
        // One byte more than the longest shows that there are more.
        let known = Array(self.bytes.readableBytesView.prefix(ClientHello.maximumBytes + 1))
        switch ClientHello.read(known) {
        case .incomplete:
            return
        case .malformed:
            // TLS itself says what is wrong with it.
            self.begin(context, self.tls.context, isChallenge: false)
        case .complete(let hello):
            let isAuthority = hello.protocols == [Self.protocolName]
            if isAuthority, let challenge = hello.serverName.flatMap({ self.tls.challenges[$0] }) {
                self.begin(context, challenge, isChallenge: true)
            } else {
                self.begin(context, self.tls.context, isChallenge: false)
            }
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ tls: NIOSSLContext?, isChallenge: Bool) {
        self.isOver = true
        guard let tls else {
            self.refuse(context)
            return
        }
        let pipeline = context.pipeline.syncOperations
        do {
            if isChallenge {
                try pipeline.addHandler(ChallengeEndHandler(), position: .after(self))
            }
            try pipeline.addHandler(NIOSSLServerHandler(context: tls), position: .after(self))
        } catch {
            context.channel.cut()
            return
        }
        // Before it leaves: a handler that has left hands nothing on.
        context.fireChannelRead(self.wrapInboundOut(self.bytes))
        context.fireChannelReadComplete()
        pipeline.removeHandler(context: context, promise: nil)
    }

    private func refuse(_ context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: Self.alert))).assumeIsolated()
            .whenComplete { _ in channel.close(promise: nil) }
    }
}

/// Ends an authority's connection once it has seen the certificate: it asks for nothing, and is answered nothing.
private final class ChallengeEndHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted? = event as? TLSUserEvent {
            context.close(promise: nil)
        }
    }
}

@available(*, unavailable)
extension ClientHelloHandler: Sendable {}
