import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOTLS
import TestSupport

@testable import SluiceHTTP

/// A server's connection of HTTP/2 on an embedded channel: frames in, frames out, time by hand.
final class HTTP2TestConnection {
    /// A frame that the gateway sent.
    struct Frame {
        var kind: HTTP2FrameHead.Kind?
        var flags: UInt8
        var streamID: Int
        var payload: ByteBuffer
        var fields: [String: String] = [:]

        var endsStream: Bool { self.flags & 1 != 0 }
        /// The number at a place of the payload.
        func number(at index: Int = 0) -> Int? {
            self.payload.getInteger(at: self.payload.readerIndex + index, as: UInt32.self).map { Int($0) }
        }
    }

    let channel = EmbeddedChannel()
    let router = RecordingRouter()
    let context: HTTPLoopContext
    private(set) var served: (any ServedConnection)?
    private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())

    init(
        limits: HTTPLimits = HTTPLimits(),
        options: HTTP2Options = HTTP2Options(),
        requests: RequestMemory = RequestMemory(),
        greets: Bool = true
    ) throws {
        self.context = HTTPLoopContext(
            eventLoop: self.channel.embeddedEventLoop,
            requests: requests,
            unixTime: { 784_111_777 }
        )
        let handler = try HTTPPipeline.configure(
            self.channel,
            router: self.router,
            limits: limits,
            context: self.context,
            isTLS: true
        )
        try self.channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4321)).wait()
        try HTTP2Choice.leave(options, in: self.channel, instead: handler) { self.served = $0 }
        self.channel.pipeline.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: "h2")
        )
        if greets {
            self.send(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
            self.send(.settings)
        }
    }

    deinit {
        _ = try? self.channel.finish(acceptAlreadyClosed: true)
    }

    var isOpen: Bool { self.channel.isActive }

    func send(_ bytes: ByteBuffer) {
        guard self.isOpen else { return }
        _ = try? self.channel.writeInbound(bytes)
        self.channel.embeddedEventLoop.run()
    }

    func send(_ kind: HTTP2FrameHead.Kind, flags: UInt8 = 0, stream: Int = 0, _ payload: ByteBuffer = ByteBuffer()) {
        self.send(Self.frame(kind, flags: flags, stream: stream, payload))
    }

    static func frame(
        _ kind: HTTP2FrameHead.Kind,
        flags: UInt8 = 0,
        stream: Int = 0,
        _ payload: ByteBuffer = ByteBuffer()
    ) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt32(payload.readableBytes) << 8 | UInt32(kind.rawValue))
        frame.writeInteger(flags)
        frame.writeInteger(UInt32(stream))
        frame.writeImmutableBuffer(payload)
        return frame
    }

    /// A request's head.
    func request(
        _ stream: Int,
        _ method: String,
        _ path: String,
        _ fields: [(String, String)] = [],
        ends: Bool = true
    ) {
        var block = ByteBuffer()
        let pseudo = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "a")]
        try? self.encoder.encode(headers: HPACKHeaders(pseudo + fields), to: &block)
        self.send(.headers, flags: ends ? 5 : 4, stream: stream, block)
    }

    func data(_ stream: Int, _ text: String, ends: Bool = false) {
        self.send(.data, flags: ends ? 1 : 0, stream: stream, ByteBuffer(string: text))
    }

    /// All frames that were sent since the last call.
    func received() -> [Frame] {
        self.channel.embeddedEventLoop.run()
        var all = ByteBuffer()
        while let bytes = try? self.channel.readOutbound(as: ByteBuffer.self) {
            all.writeImmutableBuffer(bytes)
        }
        var frames: [Frame] = []
        while let head = all.readInteger(as: UInt32.self), let flags = all.readInteger(as: UInt8.self),
            let stream = all.readInteger(as: UInt32.self), let payload = all.readSlice(length: Int(head >> 8))
        {
            let kind = HTTP2FrameHead.Kind(rawValue: UInt8(truncatingIfNeeded: head))
            var frame = Frame(kind: kind, flags: flags, streamID: Int(stream), payload: payload)
            if kind == .headers {
                var block = payload
                let fields = (try? self.decoder.decodeHeaders(from: &block)) ?? HPACKHeaders()
                for (name, value, _) in fields { frame.fields[name] = value }
            }
            frames.append(frame)
        }
        return frames
    }

    /// The frames of a stream since the last call, of all streams.
    func received(on stream: Int) -> [Frame] {
        self.received().filter { $0.streamID == stream }
    }

    func advance(_ amount: TimeAmount) {
        self.channel.embeddedEventLoop.advanceTime(by: amount)
    }
}

extension [HTTP2TestConnection.Frame] {
    var status: String? { self.lazy.compactMap { $0.fields[":status"] }.first }

    var body: String { self.filter { $0.kind == .data }.map { String(buffer: $0.payload) }.joined() }

    var isEnded: Bool { self.contains { $0.endsStream && ($0.kind == .data || $0.kind == .headers) } }

    /// The code of a reset, or of the connection's end.
    func code(of kind: HTTP2FrameHead.Kind) -> Int? {
        self.first { $0.kind == kind }.flatMap { $0.number(at: kind == .goAway ? 4 : 0) }
    }
}
