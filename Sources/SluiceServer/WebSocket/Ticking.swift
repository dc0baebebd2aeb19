package import NIOCore

/// What a `ConnectionWheel` keeps going.
package protocol Ticking: AnyObject {
    /// Some time has passed: about as much as the wheel's interval.
    func tick(now: NIODeadline)
}
