package import NIOCore
package import SluiceBase

/// The JSON texts of frames.
///
/// The producers' bytes are spliced, never rebuilt.
package struct FrameText: Sendable {
    /// The scan that the frames are of.
    package let scanID: ScanID
    private let hasTimes: Bool
    private let singlePrefix: [UInt8]
    private let batchPrefix: [UInt8]

    private static let seqPrefix: StaticString = "{\"seq\":"
    private static let batchSuffix: StaticString = "]}"
    private static let timesPrefix: StaticString = ",\"times\":["

    /// Texts of one scan's frames.
    ///
    /// - Parameters:
    ///   - scanID: The scan.
    ///   - hasTimes: Whether a frame ends with when each of its messages came, in milliseconds since 1970.
    package init(scanID: ScanID, hasTimes: Bool = false) {
        self.scanID = scanID
        self.hasTimes = hasTimes
        // A scan's id has no character that JSON would escape.
        self.singlePrefix = Array("{\"scanId\":\"\(scanID.text)\",\"seq\":".utf8)
        self.batchPrefix = Array("{\"type\":\"batch\",\"scanId\":\"\(scanID.text)\",\"messages\":[".utf8)
    }

    /// How many bytes `write` will write.
    func byteCount(of entries: ArraySlice<LogEntry>) -> Int {
        self.messagesByteCount(of: entries) + (self.hasTimes ? Self.timesByteCount(of: entries) : 0)
    }

    private func messagesByteCount(of entries: ArraySlice<LogEntry>) -> Int {
        if entries.count == 1, let entry = entries.first {
            return self.singleByteCount(of: entry)
        }
        return entries.reduce(self.batchPrefix.count + Self.batchSuffix.utf8CodeUnitCount + entries.count - 1) {
            $0 + self.splicedByteCount(of: $1)
        }
    }

    /// Writes one message as it is, or several as a batch.
    func write(_ entries: ArraySlice<LogEntry>, into buffer: inout ByteBuffer) {
        self.writeMessages(entries, into: &buffer)
        if self.hasTimes {
            Self.writeTimes(of: entries, into: &buffer)
        }
    }

    private func writeMessages(_ entries: ArraySlice<LogEntry>, into buffer: inout ByteBuffer) {
        if entries.count == 1, let entry = entries.first {
            self.writeSingle(entry, into: &buffer)
            return
        }
        buffer.writeBytes(self.batchPrefix)
        var isFirst = true
        for entry in entries {
            if !isFirst {
                buffer.writeInteger(UInt8(ascii: ","))
            }
            isFirst = false
            self.writeSpliced(entry, into: &buffer)
        }
        buffer.writeStaticString(Self.batchSuffix)
    }

    /// Writes one message with its seq, and the scan's id unless it brings it.
    package func writeSingle(_ entry: LogEntry, into buffer: inout ByteBuffer) {
        guard !entry.message.carriesScanID else {
            self.writeSpliced(entry, into: &buffer)
            return
        }
        buffer.writeBytes(self.singlePrefix)
        buffer.writeDecimal(entry.seq.rawValue)
        buffer.writeInteger(UInt8(ascii: ","))
        buffer.writeImmutableBuffer(entry.message.body)
    }

    /// Writes one message with its seq, as it stands within a batch.
    package func writeSpliced(_ entry: LogEntry, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(Self.seqPrefix)
        buffer.writeDecimal(entry.seq.rawValue)
        buffer.writeInteger(UInt8(ascii: ","))
        buffer.writeImmutableBuffer(entry.message.body)
    }

    /// Writes the times in front of the frame's closing brace, which is the last byte of every frame.
    private static func writeTimes(of entries: ArraySlice<LogEntry>, into buffer: inout ByteBuffer) {
        buffer.moveWriterIndex(to: buffer.writerIndex - 1)
        buffer.writeStaticString(Self.timesPrefix)
        var isFirst = true
        for entry in entries {
            if !isFirst {
                buffer.writeInteger(UInt8(ascii: ","))
            }
            isFirst = false
            buffer.writeDecimal(UInt64(clamping: entry.at.milliseconds))
        }
        buffer.writeStaticString(Self.batchSuffix)
    }

    private static func timesByteCount(of entries: ArraySlice<LogEntry>) -> Int {
        entries.reduce(Self.timesPrefix.utf8CodeUnitCount + entries.count) {
            $0 + UInt64(clamping: $1.at.milliseconds).decimalDigits
        }
    }

    private func singleByteCount(of entry: LogEntry) -> Int {
        guard !entry.message.carriesScanID else {
            return self.splicedByteCount(of: entry)
        }
        return self.singlePrefix.count + entry.seq.rawValue.decimalDigits + 1 + entry.message.body.readableBytes
    }

    private func splicedByteCount(of entry: LogEntry) -> Int {
        Self.seqPrefix.utf8CodeUnitCount + entry.seq.rawValue.decimalDigits + 1 + entry.message.body.readableBytes
    }
}
