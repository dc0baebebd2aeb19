package import SluiceBase
import Synchronization

/// Counts connections: in all, for each user and for each address; and decides whether one more is allowed.
package struct ConnectionLimits: Sendable {
    /// The name of an admitted connection, for its release.
    ///
    /// Rises with time.
    package typealias ID = UInt64

    /// How many there may be.
    package struct Configuration: Sendable, Hashable {
        /// How a user's connection beyond the limit is treated.
        package enum WhenFull: String, Sendable, CaseIterable {
            /// The new one is refused.
            case refuse
            /// The user's oldest one is closed.
            case closeOldest = "close_oldest"
        }

        /// The most connections in all.
        package var total = 100_000
        /// The most connections of one user.
        package var perUser = 10
        /// The most connections of one address.
        package var perAddress = 100
        /// How a user's connection beyond the limit is treated.
        package var whenFull = WhenFull.refuse

        /// The product's defaults.
        package init() {}
    }

    /// The limit that a refused connection met.
    package enum Reason: String, Sendable {
        /// There are as many as there may be in all.
        case total
        /// The user has as many as they may have.
        case user
        /// The address has as many as it may have.
        case address
    }

    /// The answer to a connection that wants in.
    package enum Answer: Sendable, Hashable {
        /// It is counted, until it is released.
        case admitted(ID)
        /// It is counted, and the user's oldest one, which no longer counts for the user, is to be closed.
        case admittedClosing(ID, oldest: ID)
        /// It is not counted.
        case refused(Reason)
    }

    private struct Connection {
        var user: ByteName?
        var address: AddressKey?
    }

    /// How many there may be.
    ///
    /// A smaller number closes no connection; it holds for new ones.
    package var configuration: Configuration

    private var lastID: ID = 0
    private var connections: [ID: Connection] = [:]
    /// The connections that count for each user, oldest first.
    private var userConnections: [ByteName: [ID]] = [:]
    private var addressCounts: [AddressKey: Int] = [:]

    /// Without a connection.
    ///
    /// - Parameter configuration: How many there may be.
    package init(configuration: Configuration) {
        self.configuration = configuration
    }

    /// How many are connected.
    package var count: Int { self.connections.count }

    /// Admits a connection or refuses it.
    ///
    /// - Parameters:
    ///   - user: Whose it is; `nil` if it counts for no user.
    ///   - address: Where it comes from; `nil` if it counts for no address.
    /// - Returns: The decision.
    package mutating func admit(user: ByteName?, address: AddressKey?) -> Answer {
        guard self.connections.count < self.configuration.total else {
            return .refused(.total)
        }
        if let address, self.addressCounts[address, default: 0] >= self.configuration.perAddress {
            return .refused(.address)
        }
        var oldest: ID?
        if let user, let ids = self.userConnections[user], ids.count >= self.configuration.perUser {
            switch self.configuration.whenFull {
            case .refuse:
                return .refused(.user)
            case .closeOldest:
                oldest = ids.first
                self.userConnections[user]?.removeFirst()
            }
        }
        self.lastID += 1
        self.connections[self.lastID] = Connection(user: user, address: address)
        if let user {
            self.userConnections[user, default: []].append(self.lastID)
        }
        if let address {
            self.addressCounts[address, default: 0] += 1
        }
        return oldest.map { .admittedClosing(self.lastID, oldest: $0) } ?? .admitted(self.lastID)
    }

    /// Gives back a connection's place.
    ///
    /// A second time does nothing.
    ///
    /// - Parameter id: The name that ``admit(user:address:)`` gave it.
    package mutating func release(_ id: ID) {
        guard let connection = self.connections.removeValue(forKey: id) else {
            return
        }
        if let user = connection.user, var ids = self.userConnections.removeValue(forKey: user) {
            ids.removeAll { $0 == id }
            if !ids.isEmpty {
                self.userConnections[user] = ids
            }
        }
        if let address = connection.address, let count = self.addressCounts.removeValue(forKey: address), count > 1 {
            self.addressCounts[address] = count - 1
        }
    }
}

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
    /// - Returns: The decision.
    package func admit(user: ByteName?, address: AddressKey?) -> ConnectionLimits.Answer {
        self.limits.withLock { $0.admit(user: user, address: address) }
    }

    /// Gives back a connection's place.
    ///
    /// A second time does nothing.
    ///
    /// - Parameter id: The name that ``admit(user:address:)`` gave it.
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
