import NIOCore
import NIOHTTP1
import SluiceHTTP

/// Answers a connection's one request, and makes it an echo if it asks for a WebSocket.
final class EchoUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let wheel: ConnectionWheel
    private var head: HTTPRequestHead?

    init(decoder: ByteToMessageHandler<HTTPRequestDecoder>, wheel: ConnectionWheel) {
        self.decoder = decoder
        self.wheel = wheel
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body:
            break
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.answer(head, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        do throws(WebSocketRefusal) {
            let handshake = try WebSocketHandshake(
                method: head.method,
                version: head.version,
                headers: HeaderFields(head.headers.map { ($0.name, $0.value) }),
                compression: EchoSession.compression
            )
            self.write(.switchingProtocols, handshake.answer(subprotocol: nil), context: context)
            self.upgrade(handshake, context: context)
        } catch {
            var headers = error.headers
            headers.add(name: "Content-Length", value: "0")
            self.write(error.status, headers, context: context)
            context.close(promise: nil)
        }
    }

    private func write(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, context: ChannelHandlerContext) {
        var text = "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
        for (name, value) in headers {
            text += "\(name): \(value)\r\n"
        }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    private func upgrade(_ handshake: WebSocketHandshake, context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        do {
            try WebSocketHandler.install(
                in: context.channel,
                session: EchoSession(deflate: handshake.deflate),
                deflate: handshake.deflate,
                configuration: EchoSession.connection,
                wheel: self.wheel
            )
        } catch {
            context.close(promise: nil)
            return
        }
        // This handler first, so that surplus bytes of the decoder go straight to the WebSocket.
        pipeline.removeHandler(self, promise: nil)
        pipeline.removeHandler(self.decoder, promise: nil)
    }
}
