package import NIOCore
package import SluiceBase
internal import SluiceWire

/// Turns deliveries into wire bytes, once for all that get them.
///
/// Personal frames (catch-up, notices for one subscriber) go through the same encoder, uncompressed: by RFC 7692
/// section 7.2.3.2 a frame without RSV1 never enters the window.
package struct FrameEncoder: Sendable {
    /// How frames look to the members.
    package let form: WireForm
    /// The life of the log, for events' ids.
    package let epoch: String
    package let text: FrameText

    package init(form: WireForm, scanID: ScanID, epoch: String) {
        self.form = form
        self.epoch = epoch
        self.text = FrameText(scanID: scanID, hasTimes: form.hasTimes)
    }

    /// Appends the frames of a delivery.
    ///
    /// Returns how many.
    @discardableResult
    package func encode(_ delivery: Delivery, isBatched: Bool, into buffer: inout ByteBuffer) -> Int {
        switch delivery {
        case .lag(let notice):
            self.encode(.lag(notice), into: &buffer)
            return 1
        case .messages(let entries):
            return self.encode(entries, isBatched: isBatched, into: &buffer)
        }
    }

    /// Appends a notice.
    package func encode(_ notice: Notice, cursor: Seq? = nil, into buffer: inout ByteBuffer) {
        let text = notice.text(scanID: self.text.scanID)
        switch self.form.kind {
        case .webSocket:
            WebSocketFrameHeader.write(opcode: .text, payloadBytes: text.utf8.count, into: &buffer)
            buffer.writeString(text)
        case .eventStream(let isChunked, let isNamed):
            EventText.write(
                isChunked: isChunked,
                id: cursor.map { "\(self.epoch):\($0)" },
                type: isNamed ? notice.type : nil,
                data: ByteBuffer(string: text),
                into: &buffer
            )
        }
    }

    private func encode(_ entries: ArraySlice<LogEntry>, isBatched: Bool, into buffer: inout ByteBuffer) -> Int {
        if case .eventStream(let isChunked, let isNamed) = self.form.kind {
            self.encodeEvents(entries, isChunked: isChunked, isNamed: isNamed, into: &buffer)
            return 1
        }
        guard !isBatched else {
            self.encodeFrame(entries, into: &buffer)
            return 1
        }
        for index in entries.indices {
            self.encodeFrame(entries[index...index], into: &buffer)
        }
        return entries.count
    }

    private func encodeFrame(_ entries: ArraySlice<LogEntry>, into buffer: inout ByteBuffer) {
        let bytes = self.text.byteCount(of: entries)
        if case .webSocket(.gzip(let minimumBytes, let level)) = self.form.kind, bytes > minimumBytes {
            var plain = ByteBuffer()
            plain.reserveCapacity(bytes)
            self.text.write(entries, into: &plain)
            let member = gzip(plain, level: level)
            WebSocketFrameHeader.write(opcode: .binary, payloadBytes: member.readableBytes, into: &buffer)
            buffer.writeImmutableBuffer(member)
            return
        }
        buffer.reserveCapacity(minimumWritableBytes: bytes + WebSocketFrameHeader.maximumBytes)
        WebSocketFrameHeader.write(opcode: .text, payloadBytes: bytes, into: &buffer)
        self.text.write(entries, into: &buffer)
    }

    private func encodeEvents(
        _ entries: ArraySlice<LogEntry>,
        isChunked: Bool,
        isNamed: Bool,
        into buffer: inout ByteBuffer
    ) {
        var events = ByteBuffer()
        for entry in entries {
            var data = ByteBuffer()
            self.text.write([entry], into: &data)
            EventText.write(
                isChunked: false,
                id: "\(self.epoch):\(entry.seq)",
                type: isNamed ? entry.message.type : nil,
                data: data,
                into: &events
            )
        }
        EventText.writeChunk(events, isChunked: isChunked, into: &buffer)
    }
}

/// One write for the members of a group: the frames of one loop turn, encoded.
package struct OutgoingFrames: Sendable {
    /// The frames for members that are not in the compressed stream, or for all.
    package var plain = ByteBuffer()
    /// The frames for members in the compressed stream, where they differ.
    package var compressed: ByteBuffer?
    /// Every member is in the compressed stream from this write on.
    package var admitsNewcomers = false
    /// How many frames these are.
    package var frameCount = 0
    /// How many messages they carry.
    package var messageCount = 0
    /// How many of the frames are lag notices.
    package var lagCount = 0
    /// When the oldest of the messages came; nil where they are not live.
    package var oldestAt: WallTime?
    /// Bytes that a compressor took for these frames, and bytes that it made of them.
    package var deflateInputBytes = 0
    package var deflateOutputBytes = 0
    /// Whether the last notice about it said that the scanner is silent; nil without such a notice.
    package var saysStalled: Bool?
    /// The last seq that members in step had before.
    package var after: Seq
    /// The last seq that they have afterwards.
    package var through: Seq

    package init(after: Seq) {
        self.after = after
        self.through = after
    }

    package var isEmpty: Bool { self.frameCount == 0 }
}
