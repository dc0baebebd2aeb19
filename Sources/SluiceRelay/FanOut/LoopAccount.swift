/// The deliveries of one event loop, and the state of its subscribers, for the metrics.
package struct LoopAccount: Sendable {
    package var counts = LoopFanOut.Counts()
    package var subscribers = 0
    /// Sockets that take nothing more at the moment, and the bytes that wait for them.
    package var fullSockets = 0
    package var waitingBytes = 0

    /// Takes stock, on the loop.
    init(_ fanOut: LoopFanOut) {
        self.counts = fanOut.counts
        self.subscribers = fanOut.subscriberCount
        (self.fullSockets, self.waitingBytes) = fanOut.fullSockets
    }
}
