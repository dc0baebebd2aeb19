/// A connection whose requests are answered, whatever version of HTTP it speaks.
///
/// Belongs to the connection's event loop.
package protocol ServedConnection: AnyObject {
    /// Stops taking requests: those at work are answered, and then the connection ends.
    func drain()

    /// Called once the connection is over, or another protocol's.
    var whenRemoved: (() -> Void)? { get set }
}

extension ProxyPrefaceHandler: ServedConnection {}
