internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// What this gateway does for the others that act as one with it.
final class PeerDuties: PeerHost {
    private weak let services: GatewayServices?
    private let eventLoop: any EventLoop

    init(_ services: GatewayServices) {
        self.services = services
        self.eventLoop = services.connections.eventLoops[0]
    }

    func close(_ id: ConnectionLimits.ID, isReplaced: Bool) {
        self.services?.connections.close(id, isReplaced ? .replaced : .surplus)
    }

    func revoked(_ kept: KeptRevocation) {
        guard let services = self.services else {
            return
        }
        if !services.authenticator.adopt(kept, now: WallTime.now().seconds) {
            services.logger.error("too many revocations: one that another node was told of is not in force here")
        }
        _ = services.connections.closeAll(.tokenRevoked, on: self.eventLoop) { kept.revocation.hits($0) }
    }

    func disconnect(
        _ disconnection: Disconnection,
        ageMilliseconds: Int,
        _ then: @escaping @Sendable (Int) -> Void
    ) {
        guard let services = self.services else {
            return
        }
        let age = TimeAmount.milliseconds(Int64(min(ageMilliseconds, 86_400_000)))
        services.connections.closeAll(.disconnected, on: self.eventLoop, age: age) { disconnection.hits($0) }
            .whenSuccess { then($0) }
    }

    func countSubscribers(_ then: @escaping @Sendable ([ScanID: Int]) -> Void) {
        self.services?.relay.subscriberCounts(on: self.eventLoop).whenSuccess { then($0) }
    }

    func takeShares() -> [RateShare] {
        self.services?.limits.takeShares() ?? []
    }

    func pay(_ shares: [RateShare]) {
        self.services?.limits.pay(shares, now: self.eventLoop.now.uptimeNanoseconds)
    }
}
