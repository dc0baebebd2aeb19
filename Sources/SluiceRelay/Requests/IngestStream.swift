import Synchronization

/// Ties the posts of one stream together: once one is refused, no later one is taken.
///
/// Several posts are on their way at once, and the producer is told to continue after the last message that was
/// numbered. A post numbered after a gap would be posted twice.
package final class IngestStream: Sendable {
    private let broken = Atomic<Bool>(false)

    package init() {}

    /// Whether a post of it was refused.
    package var isBroken: Bool { self.broken.load(ordering: .relaxed) }

    /// A post of it is refused.
    package func breakOff() {
        self.broken.store(true, ordering: .relaxed)
    }
}
