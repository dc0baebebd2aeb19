internal import NIOCore
internal import SluiceAdmission
internal import SluiceHTTP

/// A connection that lives long enough for its right to exist to end before it does.
protocol LiveConnection: AnyObject {
    /// Who it belongs to.
    var identity: Identity { get }
    /// How it came.
    var arrival: Arrival { get }
    /// The certificate that its client showed, if any.
    var certificate: ClientCertificate? { get }
    /// What it was given and how it stands.
    ///
    /// - Parameter isDetailed: Whether the scans' homes are asked too.
    /// - Returns: The report, once they have answered.
    func report(isDetailed: Bool) -> EventLoopFuture<ConnectionReport>

    /// Since when its socket has been full; nil while it takes more, or if nothing is sent to it.
    var blockedSince: NIODeadline? { get }
    /// Goes on after it was judged again.
    ///
    /// - Parameters:
    ///   - identity: What its credential entitles to now.
    ///   - leeway: How far clocks may differ, in seconds.
    /// - Returns: Whether it goes on; false if it ended because that does not entitle to what it does.
    func goOn(as identity: Identity, leeway: Double) -> Bool
    /// Ends it.
    func close(_ closing: Closing)
}
