package import NIOCore

/// One JSON object that a producer posted, checked, and the facts that the relay needs about it.
package struct Message: Sendable {
    /// The bytes after the object's opening `{` up to and including its closing `}`, exactly as posted.
    ///
    /// The opening brace is left out because a frame writes its own, followed by the members that the gateway adds.
    /// The storage belongs to this message alone, so that keeping it in history does not keep a whole request alive.
    package let body: ByteBuffer
    /// The value of the top-level `type`, unescaped: 1 to 128 Unicode scalars, no control characters.
    package let type: String
    /// How the message may be treated on its way.
    package let fate: Fate
    /// Whether the message completes its scan.
    package let isTerminal: Bool
    /// Whether the object has a top-level `scanId` of its own, so that a frame must not add one.
    package let carriesScanID: Bool
    /// The key that a newer message must share to supersede this one; not `nil` if and only if `fate` is `conflated`.
    package let conflationKey: ConflationKey?
    /// The severity that ``MessageSeverity`` found in the message; nil if there is none.
    package let severity: String?
    /// The progress of the scan that the message reports; `nil` for most, and for what an earlier process checked.
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

/// How a message may be treated on its way to a subscriber.
package enum Fate: Sendable {
    /// Never dropped, never throttled, never held by a batch.
    case critical
    /// An event: batched and throttled, and skipped for live subscribers when too many wait.
    case ordinary
    /// State: of those pending, only the newest of its `ConflationKey` is kept.
    case conflated
}

/// The key that two state messages must share for the newer one to supersede the older.
///
/// Values are compared as bytes: strings after unescaping, so that `"\u0061"` is `"a"`, and all else as it was posted,
/// so that `1` and `1.0` are two keys. Bytes rather than `String`, whose equality folds different code points together.
package struct ConflationKey: Hashable, Sendable {
    /// The value of one configured field.
    enum Value: Hashable, Sendable {
        /// The message has no such field.
        case missing
        /// A string, unescaped. A lone surrogate stands as the three bytes that UTF-8 would give it if it could.
        case string([UInt8])
        /// A number, a literal, an array or an object, as posted.
        case raw([UInt8])
    }

    /// The type of the messages.
    let type: String
    /// The values of the fields configured for the type, in their configured order.
    let values: [Value]
}
