internal import NIOCore

/// What reads one form of body.
protocol IngestReader: AnyObject {
    func receivedBytes(_ bytes: ByteBuffer)
    func receivedEnd()
    func aborted()
    func draining()
}
