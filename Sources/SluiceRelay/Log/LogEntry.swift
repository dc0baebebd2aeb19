/// A message and its number in the log.
package struct LogEntry: Sendable {
    /// The message's number.
    package let seq: Seq
    /// What the producer posted.
    package let message: Message

    package init(seq: Seq, message: Message) {
        self.seq = seq
        self.message = message
    }
}
