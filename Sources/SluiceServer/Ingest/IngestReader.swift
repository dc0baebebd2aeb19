internal import NIOCore

/// What reads one form of body.
protocol IngestReader: AnyObject {
    func receivedBytes(_ bytes: ByteBuffer)
    func receivedEnd()
    /// The body did not come in time or is malformed; whether the reader gives the refusal itself.
    func refusing(_ problem: Problem) -> Bool
    func aborted()
    func draining()
}
