import NIOCore
internal import SluiceBase

/// A fold as bytes, for those that keep it outside of memory; the counts by type are kept beside it.
extension ScanFold {
    /// The form that this program writes.
    private static let version: UInt8 = 1

    /// A version, then each part in its order.
    ///
    /// Times in milliseconds (0: none), the ending (0: none, 1: completed, 2: failed), texts with their lengths before
    /// them, the percentage as its bits, and the severities. A byte of 0 marks an absent value, a byte of 1 comes
    /// before a present one.
    package var stored: [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeInteger(Self.version)
        buffer.writeInteger(self.startedAt?.milliseconds ?? 0)
        buffer.writeInteger(self.lastMessageAt?.milliseconds ?? 0)
        switch self.ending {
        case nil:
            buffer.writeInteger(UInt8(0))
        case .completed:
            buffer.writeInteger(UInt8(1))
        case .failed(let text):
            buffer.writeInteger(UInt8(2))
            Self.write(text, into: &buffer)
        }
        Self.write(self.phase, into: &buffer)
        let hasPercent: UInt8 = self.percent == nil ? 0 : 1
        buffer.writeInteger(hasPercent)
        buffer.writeInteger(self.percent?.bitPattern ?? 0)
        buffer.writeInteger(UInt16(clamping: self.severities.count))
        for (severity, count) in self.severities {
            Self.write(severity, into: &buffer)
            buffer.writeInteger(Int64(clamping: count))
        }
        return Array(buffer.readableBytesView)
    }

    /// The fold in such bytes, without its counts; nil for another form, and for damaged bytes.
    package init?(stored bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        guard buffer.readInteger(as: UInt8.self) == Self.version, let startedAt = buffer.readInteger(as: Int64.self),
            let lastMessageAt = buffer.readInteger(as: Int64.self), let ending = buffer.readInteger(as: UInt8.self)
        else {
            return nil
        }
        self.init(startedAt: startedAt > 0 ? WallTime(milliseconds: startedAt) : nil)
        self.lastMessageAt = lastMessageAt > 0 ? WallTime(milliseconds: lastMessageAt) : nil
        switch ending {
        case 0: break
        case 1: self.ending = .completed
        case 2:
            guard let text = Self.readText(from: &buffer) else { return nil }
            self.ending = .failed(text: text)
        default: return nil
        }
        guard let phase = Self.readText(from: &buffer), let hasPercent = buffer.readInteger(as: UInt8.self),
            let percent = buffer.readInteger(as: UInt64.self), let count = buffer.readInteger(as: UInt16.self)
        else {
            return nil
        }
        self.phase = phase
        self.percent = hasPercent == 1 ? NotedFields.percentage(Double(bitPattern: percent)) : nil
        for _ in 0..<count {
            guard let severity = Self.readText(from: &buffer) ?? nil, let count = buffer.readInteger(as: Int64.self)
            else {
                return nil
            }
            // A damaged count must not overflow by the next one.
            self.severities[severity] = min(max(0, Int(count)), 1 << 53)
        }
    }

    private static func write(_ text: String?, into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(text == nil ? 0 : 1))
        buffer.writeInteger(UInt16(clamping: text?.utf8.count ?? 0))
        buffer.writeString(text ?? "")
    }

    /// A text or none; nil where there is neither.
    private static func readText(from buffer: inout ByteBuffer) -> String?? {
        guard let isThere = buffer.readInteger(as: UInt8.self), isThere <= 1,
            let text = buffer.readLengthPrefixedSlice(as: UInt16.self)
        else {
            return nil
        }
        return .some(isThere == 1 ? String(buffer: text) : nil)
    }
}
