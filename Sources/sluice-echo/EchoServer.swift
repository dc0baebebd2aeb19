import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SluiceHTTP

/// A listener on loopback whose connections become echoes.
struct EchoServer {
    let tls: NIOSSLContext?

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init(tls: NIOSSLContext?) {
        self.tls = tls
    }

    func bind(port: Int) throws -> any Channel {
        let tls = self.tls
        let loop = self.group.next()
        // All connections live on the one loop, and so does their wheel.
        let wheel = NIOLoopBoundBox.makeBoxSendingValue(
            ConnectionWheel(eventLoop: loop, interval: EchoSession.connection.tickInterval),
            eventLoop: loop
        )
        return try ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
                    try pipeline.addHandler(decoder)
                    try pipeline.addHandler(EchoUpgradeHandler(decoder: decoder, wheel: wheel.value))
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .wait()
    }
}
