package import SluiceAdmission
package import SluiceBase

/// What nodes say to each other goes by the first loop.
extension NATSEngine: Peers {
    package var keptRevocations: [KeptRevocation] { [] }

    package func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) {
        self.onLink { $0.keep(revocation, done) }
    }

    package func begin(_ host: any PeerHost, limits: ConnectionLimits.Configuration) {
        self.onLink { $0.begin(host, limits: limits) }
    }

    package func setLimits(_ limits: ConnectionLimits.Configuration) {
        self.onLink { $0.setLimits(limits) }
    }

    package func admit(
        user: ByteName?,
        address: AddressKey?,
        _ then: @escaping @Sendable (ConnectionLimits.Answer) -> Void
    ) {
        var keys: [SharedConnections.Key] = []
        user.map { keys.append(.user($0)) }
        address.map { keys.append(.address($0)) }
        self.onLink { [keys] in $0.admit(keys, then) }
    }

    package func release(_ id: ConnectionLimits.ID) {
        self.onLink { $0.release(id) }
    }

    package func mint(
        _ ticket: SealedTicket,
        _ then: @escaping @Sendable (Result<Void, PeersUnavailable>) -> Void
    ) {
        self.onLink { $0.once.mint(ticket, then: then) }
    }

    package func ticket(
        _ digest: String,
        _ then: @escaping @Sendable (Result<[UInt8]?, PeersUnavailable>) -> Void
    ) {
        self.onLink { $0.once.ticket(digest, then: then) }
    }

    package func redeem(
        _ digest: String,
        _ then: @escaping @Sendable (Result<Bool, PeersUnavailable>) -> Void
    ) {
        self.onLink { $0.once.redeem(digest, then: then) }
    }

    package func tellAll(_ disconnection: Disconnection, _ then: @escaping @Sendable (Int) -> Void) {
        self.onLink { $0.tellAll(disconnection, then) }
    }

    package func subscribersElsewhere(_ then: @escaping @Sendable ([ScanID: Int]) -> Void) {
        self.onLink { $0.subscribersElsewhere(then) }
    }
}
