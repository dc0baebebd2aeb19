/// What goes out to the members of a group, or to one subscriber, in order.
package enum Delivery: Sendable {
    /// One frame, or one message a frame where batches are off.
    case messages(ArraySlice<LogEntry>)
    /// A notice of loss, in its place.
    case lag(LagNotice)
}
