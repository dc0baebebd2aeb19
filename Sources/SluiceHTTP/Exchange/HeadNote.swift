/// What the router's side has worked out from a head alone, kept for the requests of the same connection that repeat it.
///
/// The length of the body is no part of it: heads that differ in nothing else share a note. Belongs to the connection's
/// event loop.
package final class HeadNote {
    /// Whatever it is; nil until something is kept.
    package var kept: AnyObject?

    internal init() {}
}

@available(*, unavailable)
extension HeadNote: Sendable {}
