import NIOCore
import NIOHTTP1

/// Reads the answer of a gateway that does not upgrade, as far as it is of use.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<GatewayProblem>
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    /// A handler for one answer.
    ///
    /// - Parameter promise: Gets the refusal when the answer is whole or the connection has ended.
    init(promise: EventLoopPromise<GatewayProblem>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(let part):
            self.body.append(contentsOf: part.readableBytesView.prefix(GatewayProblem.maximumBytes - self.body.count))
        case .end:
            self.complete()
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.complete()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.complete()
        context.close(promise: nil)
    }

    private func complete() {
        guard let head = self.head else {
            self.promise.fail(ChannelError.eof)
            return
        }
        self.promise.succeed(
            GatewayProblem(
                status: Int(head.status.code),
                retryAfter: head.headers.first(name: "Retry-After"),
                body: self.body
            )
        )
        self.head = nil
    }
}

@available(*, unavailable)
extension RefusalHandler: Sendable {}
