/// What has been worked out from a head alone, kept for the requests of the same connection that repeat it.
///
/// The length of the body is no part of it: heads that differ in nothing else share a note. Belongs to the connection's
/// event loop.
package final class HeadNote {
    /// What the router's side has worked out; nil until something is kept.
    package var kept: AnyObject?
    /// Whether the client names the page that it acts for.
    internal let hasOrigin: Bool
    /// Whether the caller says something of its trace.
    internal let hasTrace: Bool

    internal init(_ headers: HeaderFields) {
        self.hasOrigin = headers.contains(name: "Origin")
        self.hasTrace = headers.contains(name: "traceparent")
    }
}

@available(*, unavailable)
extension HeadNote: Sendable {}
