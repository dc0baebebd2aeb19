package import NIOCore
internal import NIOHTTP1
internal import SluiceBase
package import SluiceWire

/// Shared by the connections of one event loop: the header fields that every answer has, made once a second, the memory
/// and the turns for packing, and the list of connections whose socket is full.
package final class HTTPLoopContext {
    /// Seconds since 1970 by the wall clock, which only the `Date` field is about.
    private let unixTime: () -> Int
    private var validUntil: NIODeadline?
    private var plain = ByteBuffer()
    private var secure = ByteBuffer()
    /// The same for HTTP/2, which is spoken over TLS alone.
    private var fields: [(name: String, value: String)] = []
    private var date = ByteBuffer()
    private var dateText = ""
    /// The memory for answers that are being packed.
    internal let memory: CompressionMemory
    /// Has them take turns.
    package let packer: LoopPacker
    /// The memory of requests, on all loops.
    package let requests: RequestMemory
    /// The beginnings of the answers that were written since `Date` was made last.
    private var starts: [AnswerStart] = []
    private var slowReaders: [ObjectIdentifier: any SlowReader] = [:]

    /// The context of an event loop.
    package init(
        eventLoop: any EventLoop,
        memory: CompressionMemory = CompressionMemory(limit: 64 * 1024 * 1024),
        requests: RequestMemory = RequestMemory(),
        unixTime: @escaping () -> Int = HTTPLoopContext.systemUnixTime
    ) {
        self.memory = memory
        self.packer = LoopPacker(eventLoop: eventLoop)
        self.requests = requests
        self.unixTime = unixTime
    }

    // MARK: Slow readers

    /// A connection's socket is full, or takes bytes again.
    internal func note(_ reader: any SlowReader, isFull: Bool) {
        self.slowReaders[ObjectIdentifier(reader)] = isFull ? reader : nil
    }

    /// The connections whose socket is full, and since when.
    package var blockedSince: [(id: ObjectIdentifier, since: NIODeadline)] {
        self.slowReaders.compactMap { id, reader in reader.blockedSince.map { (id, $0) } }
    }

    /// Ends a connection whose socket is full, for lack of memory.
    package func cutSlowReader(_ id: ObjectIdentifier) {
        self.slowReaders[id]?.cutSlowReader()
    }

    // MARK: Fields

    /// The beginning of an answer, up to the fields of its own: made once for all answers of a second that begin alike.
    ///
    /// - Parameters:
    ///   - response: The answer.
    ///   - isTLS: Whether it goes over TLS.
    ///   - now: The loop's time.
    ///   - make: Makes the beginning.
    /// - Returns: Its bytes.
    internal func start(
        of response: HTTPResponse,
        isTLS: Bool,
        now: NIODeadline,
        make: () -> ByteBuffer
    ) -> ByteBuffer {
        self.refreshIfOld(now)
        for start in self.starts where start.isOf(response, isTLS: isTLS) {
            return start.bytes
        }
        let start = AnswerStart(response, isTLS: isTLS, bytes: make())
        if self.starts.count < AnswerStart.maximumCount {
            self.starts.append(start)
        }
        return start.bytes
    }

    /// The field lines for an answer, each with its line end.
    internal func commonFields(isTLS: Bool, now: NIODeadline) -> ByteBuffer {
        self.refreshIfOld(now)
        return isTLS ? self.secure : self.plain
    }

    /// The fields for an answer over HTTP/2, in lower case.
    internal func commonFields(now: NIODeadline) -> [(name: String, value: String)] {
        self.refreshIfOld(now)
        return self.fields
    }

    /// The value of `Date` alone.
    internal func dateText(now: NIODeadline) -> String {
        self.refreshIfOld(now)
        return self.dateText
    }

    /// The line of `Date` alone.
    internal func dateField(now: NIODeadline) -> ByteBuffer {
        self.refreshIfOld(now)
        return self.date
    }

    private func refreshIfOld(_ now: NIODeadline) {
        if self.validUntil.map({ $0 <= now }) ?? true {
            self.refresh()
            self.validUntil = now + .seconds(1)
        }
    }

    private func refresh() {
        self.starts.removeAll(keepingCapacity: true)
        let date = HTTPDate.format(unixSeconds: self.unixTime())
        self.fields = [
            ("server", "sluice"), ("date", date), ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=31536000"),
        ]
        self.dateText = date
        self.date.clear()
        self.date.writeString("Date: ")
        self.date.writeString(date)
        self.date.writeString("\r\n")
        self.plain.clear()
        self.plain.writeString("Server: sluice\r\n")
        self.plain.writeImmutableBuffer(self.date)
        self.plain.writeString("X-Content-Type-Options: nosniff\r\n")
        self.secure.clear()
        self.secure.writeImmutableBuffer(self.plain)
        // RFC 6797: a year, for this host alone.
        self.secure.writeString("Strict-Transport-Security: max-age=31536000\r\n")
    }

    /// The system's wall clock.
    package static func systemUnixTime() -> Int {
        Int(WallTime.now().milliseconds / 1000)
    }
}

@available(*, unavailable)
extension HTTPLoopContext: Sendable {}

/// A beginning that many answers have.
private struct AnswerStart {
    /// The most that are kept.
    static let maximumCount = 8

    private let code: UInt
    private let contentType: String?
    private let isStorable: Bool
    private let isTLS: Bool
    let bytes: ByteBuffer

    init(_ response: HTTPResponse, isTLS: Bool, bytes: ByteBuffer) {
        self.code = response.status.code
        self.contentType = response.contentType
        self.isStorable = response.isStorable
        self.isTLS = isTLS
        self.bytes = bytes
    }

    func isOf(_ response: HTTPResponse, isTLS: Bool) -> Bool {
        self.code == response.status.code && self.isStorable == response.isStorable && self.isTLS == isTLS
            && self.contentType == response.contentType
    }
}
