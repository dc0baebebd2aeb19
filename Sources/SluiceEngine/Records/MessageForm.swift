package import NIOCore
package import SluiceRelay

/// The form of a message in a record: its bytes, and what the node that took it found in them, so that no other node
/// parses it again, and all agree on it.
///
/// `marks u8 · parts u8 · type u16+ · key u32+ · severity u16+ · phase u16+ · percent u64 · text u16+ · body u32+`,
/// where `+` is a length followed by that many bytes. `parts` says which of key, severity, phase, percent and text are
/// present; `percent` is the bit pattern of a double.
package enum MessageForm {
    private static let hasKey: UInt8 = 1
    private static let hasSeverity: UInt8 = 2
    private static let hasPhase: UInt8 = 4
    private static let hasPercent: UInt8 = 8
    private static let hasText: UInt8 = 16

    package static func write(_ message: Message, into buffer: inout ByteBuffer) {
        let key = message.storedKey
        let progress = message.progress
        var parts: UInt8 = 0
        parts |= key == nil ? 0 : Self.hasKey
        parts |= message.severity == nil ? 0 : Self.hasSeverity
        parts |= progress?.phase == nil ? 0 : Self.hasPhase
        parts |= progress?.percent == nil ? 0 : Self.hasPercent
        parts |= progress?.text == nil ? 0 : Self.hasText
        buffer.writeMultipleIntegers(message.storedMarks, parts)
        buffer.writeText(message.type)
        if let key {
            buffer.writeInteger(UInt32(clamping: key.count))
            buffer.writeBytes(key)
        }
        message.severity.map { buffer.writeText($0) }
        progress?.phase.map { buffer.writeText($0) }
        progress?.percent.map { _ = buffer.writeInteger($0.bitPattern) }
        progress?.text.map { buffer.writeText($0) }
        buffer.writeInteger(UInt32(clamping: message.body.readableBytes))
        buffer.writeImmutableBuffer(message.body)
    }

    /// An upper bound on the bytes that a message takes.
    package static func byteCount(of message: Message) -> Int {
        let texts = [message.type, message.severity, message.progress?.phase, message.progress?.text]
        let textBytes = texts.reduce(0) { $0 + ($1.map { $0.utf8.count + 2 } ?? 0) }
        return 2 + textBytes + (message.storedKey.map { $0.count + 4 } ?? 0) + 8 + 4 + message.body.readableBytes
    }

    /// Reads the next message; nil where the bytes are damaged.
    ///
    /// Its body is a copy, so that keeping it does not retain the record.
    package static func read(from buffer: inout ByteBuffer) -> Message? {
        guard let (marks, parts) = buffer.readMultipleIntegers(as: (UInt8, UInt8).self),
            let type = buffer.readText()
        else {
            return nil
        }
        var key: [UInt8]?
        if parts & Self.hasKey != 0 {
            guard let bytes = buffer.readLengthPrefixedSlice(as: UInt32.self) else { return nil }
            key = Array(bytes.readableBytesView)
        }
        guard let severity = buffer.readText(if: parts & Self.hasSeverity != 0),
            let phase = buffer.readText(if: parts & Self.hasPhase != 0)
        else {
            return nil
        }
        var percent: Double?
        if parts & Self.hasPercent != 0 {
            guard let bits = buffer.readInteger(as: UInt64.self) else { return nil }
            percent = Double(bitPattern: bits)
            guard percent?.isFinite ?? true else { return nil }
        }
        guard let text = buffer.readText(if: parts & Self.hasText != 0),
            let body = buffer.readLengthPrefixedSlice(as: UInt32.self)
        else {
            return nil
        }
        let isSilent = phase == nil && percent == nil && text == nil
        return Message(
            stored: ByteBuffer(bytes: body.readableBytesView),
            type: type,
            marks: marks,
            key: key,
            severity: severity,
            progress: isSilent ? nil : MessageProgress(phase: phase, percent: percent, text: text)
        )
    }
}

extension ByteBuffer {
    /// A text of at most 64 KiB, with its length before it; the rest of a longer one is left out.
    mutating func writeText(_ text: String) {
        let all = text.utf8
        var bytes = all.prefix(Int(UInt16.max))
        // Not within a character: what is no UTF-8 cannot be read.
        while bytes.endIndex < all.endIndex, all[bytes.endIndex] & 0xC0 == 0x80 { bytes = bytes.dropLast() }
        self.writeInteger(UInt16(clamping: bytes.count))
        self.writeBytes(bytes)
    }

    /// The next text; nil where there is none, or it is no UTF-8.
    mutating func readText() -> String? {
        self.readLengthPrefixedSlice(as: UInt16.self)
            .flatMap { String(validating: $0.readableBytesView, as: UTF8.self) }
    }

    /// A text that may be left out: `.some(nil)` where it is, nil where it is damaged.
    mutating func readText(if isThere: Bool) -> String?? {
        guard isThere else {
            return .some(nil)
        }
        return self.readText().map { .some($0) }
    }

    mutating func writeOptionalText(_ text: String?) {
        self.writeInteger(UInt8(text == nil ? 0 : 1))
        text.map { self.writeText($0) }
    }

    mutating func readOptionalText() -> String?? {
        guard let mark = self.readInteger(as: UInt8.self), mark <= 1 else {
            return nil
        }
        return self.readText(if: mark == 1)
    }
}
