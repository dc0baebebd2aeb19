package import NIOCore

/// What a request's handler wants done with the body.
///
/// Asked for once, after `start`.
package enum BodyMode: Sendable, Equatable {
    /// A body is not expected: a small one is read and thrown away, a large one ends the connection after the answer.
    case none
    /// The whole body comes at once, by `receivedBody`. A longer one is answered 413 for the handler.
    case collect(maximumBytes: Int)
    /// The body comes as it arrives, by `receivedBytes`, then `receivedEnd`. Silence for that long is answered 408.
    case stream(idleTimeout: TimeAmount)
}
