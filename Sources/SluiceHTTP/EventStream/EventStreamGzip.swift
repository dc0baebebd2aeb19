package import NIOCore
package import SluiceWire

/// Packs an event stream for a reader that accepts gzip: each write can be unpacked as soon as it has arrived.
///
/// Stands between the session and TLS, and writes the chunks too, since their lengths are those of packed bytes.
package final class EventStreamGzip: ChannelOutboundHandler {
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let stream: GzipStream
    private let isChunked: Bool
    private let memory: CompressionMemory
    private var isFinished = false
    /// How many bytes were written, packed.
    package private(set) var writtenBytes = 0

    /// Takes its share of the compressors' memory.
    ///
    /// - Returns: nil if there is no room.
    package init?(level: Int, isChunked: Bool, memory: CompressionMemory) {
        guard memory.reserve(GzipStream.memoryBytes) else {
            return nil
        }
        self.stream = GzipStream(level: level)
        self.isChunked = isChunked
        self.memory = memory
    }

    deinit {
        self.memory.release(GzipStream.memoryBytes)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let piece = self.unwrapOutboundIn(data)
        guard !self.isFinished, piece.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        var packed = context.channel.allocator.buffer(capacity: piece.readableBytes / 3 + 64)
        self.stream.compress(piece, into: &packed)
        self.writeChunk(packed, context: context, promise: promise)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !self.isFinished, mode != .input, context.channel.isActive {
            self.isFinished = true
            var end = ByteBuffer()
            self.stream.finish(into: &end)
            self.writeChunk(end, context: context, promise: nil)
            if self.isChunked {
                context.write(self.wrapOutboundOut(ByteBuffer(staticString: "0\r\n\r\n")), promise: nil)
            }
            context.flush()
        }
        context.close(mode: mode, promise: promise)
    }

    private func writeChunk(_ packed: ByteBuffer, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        self.writtenBytes += packed.readableBytes
        guard self.isChunked else {
            context.write(self.wrapOutboundOut(packed), promise: promise)
            return
        }
        var chunk = context.channel.allocator.buffer(capacity: packed.readableBytes + 16)
        EventText.writeChunk(packed, isChunked: true, into: &chunk)
        context.write(self.wrapOutboundOut(chunk), promise: promise)
    }
}
