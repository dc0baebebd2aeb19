internal import SluiceRelay

/// The key of a message's row: the life in the high bits and the seq in the low ones, so that a log is one stretch of a
/// table with integer keys, whose rows may be large.
enum MessageKey {
    private static let seqBits: Int64 = 36
    private static let seqMask: Int64 = 1 << MessageKey.seqBits - 1
    /// The lives that a key has room for.
    static let lives: ClosedRange<Int64> = 1...(1 << 27 - 1)
    /// The last message of a log that a key has room for.
    static let maximumSeq = Seq(clamping: MessageKey.seqMask)

    /// The key of a message; of one beyond any that there can be, the last one of the log.
    ///
    /// No message is stored under a life beyond ``lives``: its key would be another one's.
    static func key(_ life: Int64, _ seq: Seq) -> Int64 {
        life << Self.seqBits | Int64(min(seq, Self.maximumSeq).rawValue)
    }

    static func seq(_ key: Int64) -> Seq {
        Seq(clamping: key & Self.seqMask)
    }
}
