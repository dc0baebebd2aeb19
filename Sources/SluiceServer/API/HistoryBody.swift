internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// A page of history as the body of an answer: read and written in slices while it drains, so that a slow reader holds
/// one slice and not the page.
///
/// A slice that cannot be read, or for which much was looked through in vain, ends the page early. Its `next` says from
/// where to ask again; that request gets the reason, if there is one.
final class HistoryBody: HTTPBodySource {
    /// Reads a slice.
    typealias Read = (HistoryRequest) -> EventLoopFuture<HistoryPage?>

    /// The most bytes of messages read at once.
    static let sliceBytes = 256 * 1024

    let byteCount: Int? = nil
    private let text: FrameText
    private let epoch: String
    private let read: Read
    /// The part that is still to be read.
    private var request: HistoryRequest
    private var entries: ArraySlice<LogEntry> = []
    private var next: Seq?
    private var damagedCount = 0
    /// When the messages came, if that is asked for.
    private var times: [Int64]?
    private var hasBegun = false
    private var hasWritten = false
    /// Whether nothing more is read.
    private var isComplete = false
    private var isOver = false

    /// - Parameters:
    ///   - first: The page's first slice, read by ``slice(of:)``.
    ///   - request: Which messages the page holds, the first slice's included.
    ///   - scanID: The scan.
    ///   - hasTimes: Whether it says when the messages came.
    ///   - read: Reads further slices, on the connection's loop.
    init(
        _ first: HistoryPage,
        of request: HistoryRequest,
        scanID: ScanID,
        hasTimes: Bool,
        read: @escaping Read
    ) {
        self.text = FrameText(scanID: scanID)
        self.epoch = first.epoch
        self.request = request
        self.times = hasTimes ? [] : nil
        self.read = read
        self.take(first)
    }

    /// The next slice of the request.
    static func slice(of request: HistoryRequest) -> HistoryRequest {
        var slice = request
        slice.maximumBytes = min(request.maximumBytes, Self.sliceBytes)
        return slice
    }

    func next(maximumBytes: Int) -> HTTPBodyPiece {
        var piece = ByteBuffer()
        if !self.hasBegun {
            self.writeHead(into: &piece)
        }
        while piece.readableBytes < maximumBytes, let entry = self.entries.popFirst() {
            self.write(entry, into: &piece)
        }
        if self.entries.isEmpty {
            if !self.isComplete, piece.readableBytes == 0 {
                return .later(self.readOn())
            }
            if self.isComplete, !self.isOver {
                self.isOver = true
                self.writeTail(into: &piece)
            }
        }
        return piece.readableBytes > 0 ? .bytes(piece) : .end
    }

    private func readOn() -> EventLoopFuture<Void> {
        self.read(Self.slice(of: self.request)).assumeIsolated()
            .map { page in
                if let page, page.epoch == self.epoch {
                    self.take(page)
                } else {
                    self.isComplete = true
                }
            }
            .flatMapErrorThrowing { _ in
                self.isComplete = true
            }
            .nonisolated()
    }

    private func take(_ page: HistoryPage) {
        self.entries = page.entries[...]
        self.next = page.next
        self.damagedCount += page.damagedCount
        let byteCount = page.entries.reduce(0) { $0 + $1.message.byteCount }
        // A slice of less ended because too much was looked through.
        let isFull = byteCount > Self.slice(of: self.request).maximumBytes / 2
        self.request.maximumCount -= page.entries.count
        self.request.maximumBytes -= byteCount
        self.isComplete = !isFull || self.request.maximumCount <= 0 || self.request.maximumBytes <= 0
        guard let next = page.next else {
            self.isComplete = true
            return
        }
        switch self.request.order {
        case .ascending: self.request.after = next
        case .descending: self.request.before = next
        }
    }

    private func writeHead(into piece: inout ByteBuffer) {
        self.hasBegun = true
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.member("scanId", self.text.scanID.text)
        writer.member("epoch", self.epoch)
        writer.name("messages")
        writer.beginArray()
        piece.writeImmutableBuffer(writer.buffer)
    }

    private func write(_ entry: LogEntry, into piece: inout ByteBuffer) {
        if self.hasWritten {
            piece.writeInteger(UInt8(ascii: ","))
        }
        self.hasWritten = true
        self.text.writeSpliced(entry, into: &piece)
        self.times?.append(entry.at.milliseconds)
    }

    private func writeTail(into piece: inout ByteBuffer) {
        piece.writeInteger(UInt8(ascii: "]"))
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        if let times = self.times {
            writer.name("times")
            writer.beginArray()
            for time in times {
                writer.value(Int(time))
            }
            writer.endArray()
        }
        writer.member("next", self.next.map { Int(clamping: $0.rawValue) })
        if self.damagedCount > 0 {
            writer.member("damaged", self.damagedCount)
        }
        writer.endObject()
        // The object continues where the list has ended.
        var members = writer.buffer
        members.moveReaderIndex(forwardBy: 1)
        piece.writeInteger(UInt8(ascii: ","))
        piece.writeImmutableBuffer(members)
    }
}
