package import NIOCore
package import SluiceBase

/// One record as the stream delivers it.
package struct LogMessage: Sendable {
    package var sequence: UInt64
    /// The sequence before it in its subject, as reported by the server that sent it live; nil where it was read.
    package var previous: UInt64?
    package var headers: MessageHeaders
    package var body: ByteBuffer

    package init(sequence: UInt64, previous: UInt64? = nil, headers: MessageHeaders, body: ByteBuffer) {
        self.sequence = sequence
        self.previous = previous
        self.headers = headers
        self.body = body
    }

    /// The memory that it takes, in bytes.
    package var byteCount: Int {
        self.headers.fields.reduce(self.body.readableBytes) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}

/// A request failed: no leader, no connection, or no answer in time.
package struct LogUnavailable: Error, Equatable {
    package init() {}
}

/// Reads and writes a scan's log.
///
/// Loop-confined. Answers arrive on the loop, each once, in a later task than the request.
package protocol LogAccess: AnyObject {
    /// The most bytes of a record's body.
    var maximumBodyBytes: Int { get }
    /// Delivers copies of a scan's records once they are stored, until the subscription ends; a nudge arrives as a
    /// message with a sequence and without a record's headers.
    func subscribe(_ id: ScanID, _ receive: @escaping (LogMessage) -> Void) -> Int
    func unsubscribe(_ subscription: Int)
    /// Writes a record if the newest one of the scan has this sequence.
    func publish(
        _ headers: MessageHeaders,
        _ body: ByteBuffer,
        to id: ScanID,
        expected: UInt64,
        then: @escaping (AppendMachine.Answer) -> Void
    )
    /// The newest record, by the leader's word; nil where there is none.
    func head(of id: ScanID, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void)
    /// The newest record's sequence, by the leader's word; 0 where there is none.
    func newest(of id: ScanID, then: @escaping (Result<UInt64, LogUnavailable>) -> Void)
    /// The first record from a sequence on, by the leader's word; nil where there is none.
    func look(_ id: ScanID, at sequence: UInt64, then: @escaping (Result<LogMessage?, LogUnavailable>) -> Void)
    /// Records from a sequence on, in order, as far as one answer goes; true where nothing was left behind them.
    ///
    /// One is given at least where there is one; behind so many bytes the answer ends.
    func read(
        _ id: ScanID,
        from sequence: UInt64,
        maximumBytes: Int,
        each: @escaping (LogMessage) -> Void,
        then: @escaping (Result<Bool, LogUnavailable>) -> Void
    )
    /// Whether this node is to repeat what stands from a record of the scan on, since the stream is about to lose it.
    func isOld(_ id: ScanID, base: UInt64) -> Bool
    /// Tells others who have the scan open that it has a record of this sequence.
    func nudge(_ id: ScanID, _ sequence: UInt64)
}
