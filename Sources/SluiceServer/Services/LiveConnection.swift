internal import NIOCore
internal import SluiceAdmission

/// A connection that lives long enough for its right to exist to end before it does.
protocol LiveConnection: AnyObject {
    /// Who it belongs to.
    var identity: Identity { get }
    /// What it was given and how it stands.
    ///
    /// - Parameter isDetailed: Whether the scans' homes are asked too.
    /// - Returns: The report, once they have answered.
    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport>

    /// Since when it takes nothing of what it is sent; nil if it does, or if nothing is sent to it.
    var blockedSince: NIODeadline? { get }
    /// Ends it.
    func close(_ closing: Closing)
}
