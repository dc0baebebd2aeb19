package import SluiceBase

/// A message, its number in the log, and when it came.
package struct LogEntry: Sendable {
    /// The message's number.
    package let seq: Seq
    /// When the gateway took it.
    package let at: WallTime
    /// The producer's message.
    package let message: Message

    package init(seq: Seq, at: WallTime, message: Message) {
        self.seq = seq
        self.at = at
        self.message = message
    }
}
