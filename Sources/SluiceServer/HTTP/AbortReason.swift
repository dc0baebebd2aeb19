/// Why an exchange ended before its handler had answered, or before its streamed answer was complete.
package enum AbortReason: Sendable, Equatable {
    /// The peer closed or reset the connection.
    case peerClosed
    /// The body did not arrive in time; 408 has been answered.
    case timedOut
    /// The body was longer than the handler said it takes; 413 has been answered.
    case bodyTooLarge
    /// The framing of the body was broken; 400 has been answered.
    case malformed
    /// The gateway closed the connection.
    case connectionClosed
}
