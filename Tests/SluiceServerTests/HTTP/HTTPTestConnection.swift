import NIOCore
import NIOEmbedded
import SluiceRelay
import Testing

@testable import SluiceServer

/// A server's connection on an embedded channel: raw bytes in, raw bytes out, time by hand.
final class HTTPTestConnection {
    /// Counts how often the socket would have been read.
    final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            self.count += 1
            context.read()
        }
    }

    let channel = EmbeddedChannel()
    let router = RecordingRouter()
    let reads = ReadCounter()
    let handler: HTTPConnectionHandler
    let context: HTTPLoopContext

    init(
        limits: HTTPLimits = HTTPLimits(),
        isTLS: Bool = false,
        memory: CompressionMemory = CompressionMemory(limit: 1 << 20),
        requests: RequestMemory = RequestMemory()
    ) throws {
        self.context = HTTPLoopContext(memory: memory, requests: requests, unixTime: { 784_111_777 })
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

    var isOpen: Bool {
        self.channel.isActive
    }

    var lastHandler: RecordingHandler {
        self.router.handlers.last!
    }

    func send(_ text: String) {
        self.send(ByteBuffer(string: text))
    }

    /// Bytes to a closed channel go nowhere, as in life.
    func send(_ bytes: ByteBuffer) {
        guard self.isOpen else { return }
        _ = try? self.channel.writeInbound(bytes)
        self.channel.embeddedEventLoop.run()
    }

    /// All that was written and flushed since the last call.
    func received() -> String {
        var all = ""
        while let bytes = try? self.channel.readOutbound(as: ByteBuffer.self) {
            all += String(buffer: bytes)
        }
        return all
    }

    /// The status codes of all answers since the last call.
    func statuses() -> [Int] {
        Self.statuses(in: self.received())
    }

    static func statuses(in text: String) -> [Int] {
        text.parts(between: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
    }

    func advance(_ amount: TimeAmount) {
        self.channel.embeddedEventLoop.advanceTime(by: amount)
    }
}

extension String {
    /// Splits at each occurrence of a separator.
    func parts(between separator: String) -> [String] {
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
