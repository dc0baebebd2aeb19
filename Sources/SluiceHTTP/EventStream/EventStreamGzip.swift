package import NIOCore
package import SluiceWire

/// Packs an event stream for a reader that accepts gzip: each write can be unpacked as soon as it has arrived.
///
/// Sits between the session and TLS, and writes the chunks too, since their lengths are those of packed bytes. Writes
/// that the loop's turn has no room for wait here, in order, and count as bytes that wait for the socket.
package final class EventStreamGzip: ChannelOutboundHandler {
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let stream: GzipStream
    private let isChunked: Bool
    private let memory: CompressionMemory
    private let packer: LoopPacker
    private var isFinished = false
    /// The writes that are not packed yet.
    private var pending = CircularBuffer<(piece: ByteBuffer, promise: EventLoopPromise<Void>?)>()
    /// Their bytes.
    package private(set) var pendingBytes = 0
    /// Whether the next piece's turn is asked for.
    private var isPackingLater = false
    private var context: ChannelHandlerContext?
    /// Called when no write waits any longer.
    package var whenPacked: (() -> Void)?
    /// How many bytes were written, packed.
    package private(set) var writtenBytes = 0

    /// Takes its share of the compressors' memory.
    ///
    /// - Returns: nil if there is no room.
    package init?(level: Int, isChunked: Bool, memory: CompressionMemory, packer: LoopPacker) {
        guard memory.reserve(GzipStream.memoryBytes) else {
            return nil
        }
        self.stream = GzipStream(level: level)
        self.isChunked = isChunked
        self.memory = memory
        self.packer = packer
    }

    deinit {
        self.memory.release(GzipStream.memoryBytes)
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.whenPacked = nil
        for (_, promise) in self.pending {
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
        self.pending.removeAll()
        self.pendingBytes = 0
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let piece = self.unwrapOutboundIn(data)
        guard !self.isFinished, piece.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        guard self.pending.isEmpty, self.packer.mayPack(piece.readableBytes) else {
            self.pending.append((piece, promise))
            self.pendingBytes += piece.readableBytes
            self.packLater()
            return
        }
        self.pack(piece, context: context, promise: promise)
    }

    /// Packs the next waiting piece in a later turn.
    private func packLater() {
        guard !self.isPackingLater else {
            return
        }
        self.isPackingLater = true
        let byteCount = min(self.pending.first?.piece.readableBytes ?? 0, LoopPacker.pieceBytes)
        self.packer.later(byteCount) {
            self.isPackingLater = false
            guard let context = self.context, !self.pending.isEmpty else {
                return
            }
            self.packPiece(context: context)
            context.flush()
            if self.pending.isEmpty {
                self.whenPacked?()
            } else {
                self.packLater()
            }
        }
    }

    private func packPiece(context: ChannelHandlerContext) {
        guard var (whole, promise) = self.pending.first else {
            return
        }
        let length = min(whole.readableBytes, LoopPacker.pieceBytes)
        guard let piece = whole.readSlice(length: length) else {
            return
        }
        self.pendingBytes -= length
        if whole.readableBytes == 0 {
            _ = self.pending.removeFirst()
        } else {
            self.pending[self.pending.startIndex].piece = whole
            promise = nil
        }
        self.pack(piece, context: context, promise: promise)
    }

    private func pack(_ piece: ByteBuffer, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        var packed = context.channel.allocator.buffer(capacity: piece.readableBytes / 3 + 64)
        self.stream.compress(piece, into: &packed)
        self.writeChunk(packed, context: context, promise: promise)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !self.isFinished, mode != .input, context.channel.isActive {
            // The last of it, within `max_buffered` and a page.
            while !self.pending.isEmpty {
                self.packPiece(context: context)
            }
            self.isFinished = true
            var end = ByteBuffer()
            self.stream.finish(into: &end)
            self.writeChunk(end, context: context, promise: nil)
            let rest = self.isChunked ? ByteBuffer(staticString: "0\r\n\r\n") : ByteBuffer()
            // Only bytes that have left the channel are sure to arrive: without TLS, closing drops bytes that still
            // wait in it.
            context.writeAndFlush(self.wrapOutboundOut(rest)).assumeIsolated()
                .whenComplete { _ in context.close(mode: mode, promise: promise) }
            return
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
