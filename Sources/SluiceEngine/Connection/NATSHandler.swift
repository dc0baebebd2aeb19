import NIOCore

/// Turns the bytes of one connection into operations.
final class NATSHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Event {
        case operation(NATSOperation)
        case closed(String)
    }

    private let handle: (Event) -> Void
    private var parser = NATSParser()
    private var failure = "closed by the server"

    init(handle: @escaping (Event) -> Void) {
        self.handle = handle
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.parser.receive(&bytes)
        do {
            while let operation = try self.parser.next() {
                self.handle(.operation(operation))
            }
        } catch {
            self.failure = "not a NATS server: \(error)"
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = "\(error)"
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.handle(.closed(self.failure))
        context.fireChannelInactive()
    }
}
