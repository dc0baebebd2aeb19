import Synchronization

/// ``ConnectionLimits`` that every event loop may ask.
package final class ConnectionLimiter: Sendable {
    private let limits: Mutex<ConnectionLimits>

    /// Without a connection.
    ///
    /// - Parameter configuration: How many there may be.
    package init(configuration: ConnectionLimits.Configuration) {
        self.limits = Mutex(ConnectionLimits(configuration: configuration))
    }

    /// How many are connected.
    package var count: Int { self.limits.withLock { $0.count } }

    /// Admits a connection or refuses it.
    ///
    /// - Parameters:
    ///   - user: Whose it is; `nil` if it counts for no user.
    ///   - address: Where it comes from; `nil` if it counts for no address.
    /// - Returns: What to do.
    package func admit(user: String?, address: AddressKey?) -> ConnectionLimits.Answer {
        self.limits.withLock { $0.admit(user: user, address: address) }
    }

    /// Gives back what a connection took.
    ///
    /// A second time does nothing.
    ///
    /// - Parameter id: What ``admit(user:address:)`` named it.
    package func release(_ id: ConnectionLimits.ID) {
        self.limits.withLock { $0.release(id) }
    }

    /// Changes how many there may be; those inside stay.
    ///
    /// - Parameter configuration: How many there may be.
    package func setConfiguration(_ configuration: ConnectionLimits.Configuration) {
        self.limits.withLock { $0.configuration = configuration }
    }
}
