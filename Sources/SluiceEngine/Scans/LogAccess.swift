package import NIOCore
package import SluiceBase

/// One record as the stream gives it.
package struct LogMessage: Sendable {
    package var sequence: UInt64
    /// The sequence before it in its subject, by the word of the server that sent it live; nil where it was read.
    package var previous: UInt64?
    package var headers: MessageHeaders
    package var body: ByteBuffer

    package init(sequence: UInt64, previous: UInt64? = nil, headers: MessageHeaders, body: ByteBuffer) {
        self.sequence = sequence
        self.previous = previous
        self.headers = headers
        self.body = body
    }

    /// What it takes in memory.
    package var byteCount: Int {
        self.headers.fields.reduce(self.body.readableBytes) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    }
}

/// Nothing came of a request: no leader, no connection, or no answer in time.
package struct LogUnavailable: Error, Equatable {
    package init() {}
}

/// What a scan's log is read from and written to.
///
/// Loop-confined. Answers come on the loop, each once, in a later task than the request.
package protocol LogAccess: AnyObject {
    /// The most bytes of a record's body.
    var maximumBodyBytes: Int { get }
    /// Copies of a scan's records, once they are stored, until the subscription ends; the receiver is told of a nudge
    /// by a message without a record's header and with a sequence.
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
