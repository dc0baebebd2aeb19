package import SluiceBase

/// What nodes say to each other about connections, and what is to be done.
extension SharedConnections {
    /// Whose connections are counted.
    package enum Key: Hashable, Sendable {
        case user(ByteName)
        case address(AddressKey)

        /// What its keeper is found by.
        var bytes: [UInt8] {
            switch self {
            case .user(let name): [0] + name.text.utf8
            case .address(let address): [1] + address.text.utf8
            }
        }

        var reason: ConnectionLimits.Reason {
            switch self {
            case .user: .user
            case .address: .address
            }
        }
    }

    /// A connection of some node.
    package struct Name: Hashable, Comparable, Sendable {
        package var node: PeerID
        package var id: ConnectionLimits.ID
        /// When it came, in milliseconds since 1970, by its node's clock.
        package var since: Int64

        package init(node: PeerID, id: ConnectionLimits.ID, since: Int64) {
            self.node = node
            self.id = id
            self.since = since
        }

        /// Older ones first.
        package static func < (one: Self, other: Self) -> Bool {
            (one.since, one.node, one.id) < (other.since, other.node, other.id)
        }
    }

    /// What the node that asks allows.
    package struct Terms: Hashable, Sendable {
        package var limit: Int
        /// Whether the oldest one makes room.
        package var closesOldest: Bool

        package init(limit: Int, closesOldest: Bool) {
            self.limit = limit
            self.closesOldest = closesOldest
        }
    }

    /// What one node says to another.
    package enum Message: Hashable, Sendable {
        /// May this connection come in?
        case ask(Key, Name, Terms)
        case answer(Key, ConnectionLimits.ID, isAdmitted: Bool)
        case release(Key, ConnectionLimits.ID)
        /// What has the receiver of a key? A keeper that refuses asks, for a release may have got lost.
        case tell(Key)
        /// What has the receiver of all keys that the sender keeps? A node that is new to another is asked: it may not
        /// know that it was not there.
        case tellAll
        /// All that the sender has of a key, also what waits; what was known of it before is out of date.
        ///
        /// `isNews` where nodes came or went, so that too many may have been let in.
        case told(Key, [Name], isNews: Bool)
        /// It is to be closed: a newer one took its place, or there are too many.
        case close(ConnectionLimits.ID, isReplaced: Bool)
    }

    /// What is to be done.
    package enum Action: Hashable, Sendable {
        case send(PeerID, Message)
        case admit(ConnectionLimits.ID)
        case refuse(ConnectionLimits.ID, ConnectionLimits.Reason)
        /// `isReplaced`: a newer one of the same user took its place.
        case close(ConnectionLimits.ID, isReplaced: Bool)
    }
}
