package import NIOCore
package import SluiceWire

/// Encodes a group's frames once for all its members, and gathers those of one loop turn into one write.
///
/// With permessage-deflate it holds the one compressor of the group. Loop-confined to the scan's home.
package final class GroupEncoder {
    /// zlib's memory level: 8 is its default; 6 would take a third less memory, and up to a fifth more time a frame.
    static let memoryLevel = 8

    package let encoder: FrameEncoder
    private let isBatched: Bool
    private let memory: CompressionMemory
    private let allocator = ByteBufferAllocator()
    private let deflate: DeflateTerms?
    private var plan: StreamPlan
    private var stream: DeflateStream?
    private var outgoing: OutgoingFrames
    /// When the compressor was last used.
    private var lastCompressedAt = NIODeadline.distantPast
    /// Whether there was no room for a compressor when it was last needed.
    private var wasRefused = false

    package init(encoder: FrameEncoder, isBatched: Bool, memory: CompressionMemory, sent: Seq) {
        self.encoder = encoder
        self.isBatched = isBatched
        self.memory = memory
        if case .webSocket(.deflate(let terms)) = encoder.form.kind {
            self.deflate = terms
        } else {
            self.deflate = nil
        }
        self.plan = StreamPlan(isWithoutContext: self.deflate?.isWithoutContext ?? false)
        self.outgoing = OutgoingFrames(after: sent)
    }

    deinit {
        self.releaseStream()
    }

    /// Whether nothing waits to be handed to the loops.
    package var isEmpty: Bool { self.outgoing.isEmpty }

    /// A member came into step.
    package func memberJoined() {
        self.plan.memberJoined()
    }

    /// Adds frames to this turn's write.
    package func append(_ delivery: Delivery, now: NIODeadline) {
        switch delivery {
        case .messages(let entries):
            self.outgoing.messageCount += entries.count
            self.outgoing.oldestAt = self.outgoing.oldestAt ?? entries.first?.at
            if let deflate = self.deflate {
                self.appendDeflated(entries, terms: deflate, now: now)
                return
            }
            self.outgoing.frameCount += self.encoder.encode(
                delivery,
                isBatched: self.isBatched,
                into: &self.outgoing.plain
            )
        case .lag(let notice):
            self.outgoing.lagCount += 1
            self.append(.lag(notice))
        }
    }

    /// Adds a notice to this turn's write.
    package func append(_ notice: Notice) {
        self.outgoing.frameCount += 1
        self.outgoing.saysStalled = notice.saysStalled ?? self.outgoing.saysStalled
        self.encoder.encode(notice, into: &self.outgoing.plain)
        if self.outgoing.compressed != nil {
            var compressed = self.outgoing.compressed.take() ?? ByteBuffer()
            self.encoder.encode(notice, into: &compressed)
            self.outgoing.compressed = compressed
        }
    }

    /// Hands over this turn's write, which brings members in step to `sent`.
    package func take(through sent: Seq) -> OutgoingFrames {
        var taken = self.outgoing
        taken.through = sent
        self.outgoing = OutgoingFrames(after: sent)
        return taken
    }

    /// Since when the compressor has not been needed; nil while there is none.
    package var idleSince: NIODeadline? {
        self.stream == nil ? nil : self.lastCompressedAt
    }

    /// Gives up a compressor that was not needed since `time`.
    package func releaseStreamIfIdle(since time: NIODeadline) {
        if self.stream != nil, self.lastCompressedAt <= time {
            self.releaseStream()
        }
    }

    private func appendDeflated(_ entries: ArraySlice<LogEntry>, terms: DeflateTerms, now: NIODeadline) {
        guard !self.isBatched, entries.count > 1 else {
            self.appendDeflatedFrame(entries, terms: terms, now: now)
            return
        }
        for index in entries.indices {
            self.appendDeflatedFrame(entries[index...index], terms: terms, now: now)
        }
    }

    private func appendDeflatedFrame(_ entries: ArraySlice<LogEntry>, terms: DeflateTerms, now: NIODeadline) {
        self.outgoing.frameCount += 1
        let bytes = self.encoder.text.byteCount(of: entries)
        guard bytes >= terms.minimumBytes, let stream = self.usableStream(terms, now: now) else {
            self.appendPlain(entries, bytes: bytes, toBoth: true)
            return
        }
        let step = self.plan.frameDue(mayAdmit: self.outgoing.compressed == nil, now: now)
        var text = self.allocator.buffer(capacity: bytes)
        self.encoder.text.write(entries, into: &text)
        if step.isEntryPoint {
            stream.reset()
        }
        var packed = self.allocator.buffer(capacity: bytes / 4 + 64)
        stream.compress(text, flush: .sync, into: &packed)
        if step.admitsNewcomers {
            self.outgoing.admitsNewcomers = true
        }
        guard packed.readableBytes < bytes else {
            // It did not shrink, so it goes uncompressed; the compressor forgets the bytes that members do not get.
            stream.reset()
            self.appendPlain(entries, bytes: bytes, toBoth: true)
            return
        }
        self.outgoing.deflateInputBytes += bytes
        self.outgoing.deflateOutputBytes += packed.readableBytes
        var compressed = self.outgoing.compressed.take() ?? self.outgoing.plain
        compressed.reserveCapacity(
            minimumWritableBytes: packed.readableBytes + WebSocketFrameHeader.maximumBytes
        )
        WebSocketFrameHeader.write(
            opcode: .text,
            compressed: true,
            payloadBytes: packed.readableBytes,
            into: &compressed
        )
        compressed.writeImmutableBuffer(packed)
        self.outgoing.compressed = compressed
        if step.needsPlain {
            self.appendPlain(entries, bytes: bytes, toBoth: false)
        }
    }

    private func appendPlain(_ entries: ArraySlice<LogEntry>, bytes: Int, toBoth: Bool) {
        WebSocketFrameHeader.write(opcode: .text, payloadBytes: bytes, into: &self.outgoing.plain)
        self.encoder.text.write(entries, into: &self.outgoing.plain)
        if toBoth, self.outgoing.compressed != nil {
            var compressed = self.outgoing.compressed.take() ?? ByteBuffer()
            WebSocketFrameHeader.write(opcode: .text, payloadBytes: bytes, into: &compressed)
            self.encoder.text.write(entries, into: &compressed)
            self.outgoing.compressed = compressed
        }
    }

    private func usableStream(_ terms: DeflateTerms, now: NIODeadline) -> DeflateStream? {
        self.lastCompressedAt = now
        if let stream = self.stream {
            return stream
        }
        let share = CompressionMemory.deflateBytes(windowBits: terms.windowBits, memoryLevel: Self.memoryLevel)
        guard self.memory.reserve(share, isAskedAgain: self.wasRefused) else {
            self.wasRefused = true
            return nil
        }
        self.wasRefused = false
        let stream = DeflateStream(level: terms.level, windowBits: terms.windowBits, memoryLevel: Self.memoryLevel)
        self.stream = stream
        return stream
    }

    private func releaseStream() {
        guard self.stream != nil, let terms = self.deflate else {
            return
        }
        self.stream = nil
        self.memory.release(
            CompressionMemory.deflateBytes(windowBits: terms.windowBits, memoryLevel: Self.memoryLevel)
        )
    }
}
