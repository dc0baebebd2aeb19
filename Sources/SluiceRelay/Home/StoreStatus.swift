/// How a store is.
package struct StoreStatus: Sendable, Equatable {
    /// What is wrong with it, in words for the operator; nil while it works.
    package var failure: String?
    /// Why something that is stored could not be read, as long as it cannot; writing may go on all the same.
    package var readFailure: String?
    /// Bytes of its files.
    package var diskBytes = 0
    /// Writes handed over that are not durable yet, and the bytes of their messages.
    package var waitingWrites = 0
    package var waitingBytes = 0
    /// Messages made durable since the start.
    package var storedMessages = 0
    /// Groups of writes made durable since the start, and how long all of them took together, in seconds.
    package var commits = 0
    package var commitSeconds = 0.0
    /// Writes that failed since the start.
    package var failedWrites = 0
    /// Reads that failed since the start.
    package var failedReads = 0
    /// Messages found damaged when read since the start.
    package var damagedMessages = 0
    /// Messages that retention removed since the start.
    package var expiredMessages = 0

    /// How often the time of day was set by more than a minute since the start.
    package var clockSteps = 0

    /// Whether it takes what is written and gives what is read.
    package var isUp: Bool { self.failure == nil && self.readFailure == nil }

    package init() {}
}
