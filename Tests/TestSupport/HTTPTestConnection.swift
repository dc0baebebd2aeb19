package import NIOCore
package import NIOEmbedded
package import SluiceHTTP
package import SluiceWire

/// A server's connection on an embedded channel: raw bytes in, raw bytes out, time by hand.
package final class HTTPTestConnection {
    /// Counts how often the socket would have been read.
    package final class ReadCounter: ChannelOutboundHandler {
        package typealias OutboundIn = ByteBuffer
        package private(set) var count = 0

        package func read(context: ChannelHandlerContext) {
            self.count += 1
            context.read()
        }
    }

    package let channel = EmbeddedChannel()
    package let router = RecordingRouter()
    package let reads = ReadCounter()
    package let handler: HTTPConnectionHandler
    package let context: HTTPLoopContext

    package init(
        limits: HTTPLimits = HTTPLimits(),
        isTLS: Bool = false,
        memory: CompressionMemory = CompressionMemory(limit: 1 << 20),
        requests: RequestMemory = RequestMemory()
    ) throws {
        self.context = HTTPLoopContext(
            eventLoop: self.channel.embeddedEventLoop,
            memory: memory,
            requests: requests,
            unixTime: { 784_111_777 }
        )
        try self.channel.pipeline.syncOperations.addHandler(self.reads)
        self.handler = try HTTPPipeline.configure(
            self.channel,
            router: self.router,
            limits: limits,
            context: self.context,
            isTLS: isTLS
        )
        try self.channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4321)).wait()
    }

    deinit {
        _ = try? self.channel.finish(acceptAlreadyClosed: true)
    }

    package var isOpen: Bool {
        self.channel.isActive
    }

    package var lastHandler: RecordingHandler {
        self.router.handlers.last!
    }

    package func send(_ text: String) {
        self.send(ByteBuffer(string: text))
    }

    /// Bytes to a closed channel go nowhere, as in life.
    package func send(_ bytes: ByteBuffer) {
        guard self.isOpen else { return }
        _ = try? self.channel.writeInbound(bytes)
        self.channel.embeddedEventLoop.run()
    }

    /// All that was written and flushed since the last call.
    package func received() -> String {
        var all = ""
        while let bytes = try? self.channel.readOutbound(as: ByteBuffer.self) {
            all += String(buffer: bytes)
        }
        return all
    }

    /// The status codes of all answers since the last call.
    package func statuses() -> [Int] {
        Self.statuses(in: self.received())
    }

    package static func statuses(in text: String) -> [Int] {
        text.parts(between: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
    }

    package func advance(_ amount: TimeAmount) {
        self.channel.embeddedEventLoop.advanceTime(by: amount)
    }
}

extension String {
    /// Splits at each occurrence of a separator.
    package func parts(between separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        parts.append(String(rest))
        return parts
    }
}
