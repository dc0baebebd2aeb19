package import NIOCore

/// One JSON object that a producer posted, checked, and what the relay has to know of it.
package struct Message: Sendable {
    /// The bytes after the object's opening `{` up to and including its closing `}`, exactly as posted.
    ///
    /// The opening brace is left out because a frame writes its own, followed by the members that the gateway adds.
    /// The storage belongs to this message alone, so that keeping it in history does not keep a whole request alive.
    package let body: ByteBuffer
    /// The value of the top-level `type`, unescaped: 1 to 128 Unicode scalars, no control characters.
    package let type: String
    /// What may happen to the message on its way.
    package let fate: Fate
    /// Whether the message completes its scan.
    package let isTerminal: Bool
    /// Whether the object has a top-level `scanId` of its own, so that a frame must not add one.
    package let carriesScanID: Bool
    /// What a newer message has to share to supersede this one; not `nil` if and only if `fate` is `conflated`.
    package let conflationKey: ConflationKey?
    /// What ``MessageSeverity`` found in the message; nil if there is none.
    package let severity: String?
    /// What the message says of its scan as a whole; `nil` for most, and for what an earlier process checked.
    package let progress: MessageProgress?

    init(
        body: ByteBuffer,
        type: String,
        fate: Fate,
        isTerminal: Bool,
        carriesScanID: Bool,
        conflationKey: ConflationKey?,
        severity: String? = nil,
        progress: MessageProgress? = nil
    ) {
        self.body = body
        self.type = type
        self.fate = fate
        self.isTerminal = isTerminal
        self.carriesScanID = carriesScanID
        self.conflationKey = conflationKey
        self.severity = severity
        self.progress = progress
    }

    /// The length of the object as posted, both braces included.
    package var byteCount: Int { self.body.readableBytes + 1 }
}
