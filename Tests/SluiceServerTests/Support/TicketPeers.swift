import NIOCore
import SluiceAdmission
import SluiceBase
import SluiceRelay
import Synchronization

/// Other gateways that keep tickets, and count how often they are asked for one; they know of no scans.
final class TicketPeers: SharedEngine, Peers {
    private struct State {
        var kept: [String: [UInt8]] = [:]
        var used: Set<String> = []
        var askedCount = 0
    }

    private let state = Mutex(State())

    /// How often they were asked for a ticket.
    var askedCount: Int { self.state.withLock { $0.askedCount } }

    // MARK: Tickets

    func mint(_ ticket: SealedTicket, _ then: @escaping @Sendable (Result<Void, PeersUnavailable>) -> Void) {
        self.state.withLock { $0.kept[ticket.digest] = ticket.sealed }
        then(.success(()))
    }

    func ticket(_ digest: String, _ then: @escaping @Sendable (Result<[UInt8]?, PeersUnavailable>) -> Void) {
        let kept = self.state.withLock { state in
            state.askedCount += 1
            return state.kept[digest]
        }
        then(.success(kept))
    }

    func redeem(_ digest: String, _ then: @escaping @Sendable (Result<Bool, PeersUnavailable>) -> Void) {
        then(.success(self.state.withLock { $0.used.insert(digest).inserted }))
    }

    // MARK: Other nodes

    var keptRevocations: [KeptRevocation] { [] }
    var nodes: [EngineNode] { [] }

    func keep(_ revocation: KeptRevocation, _ done: @escaping @Sendable ((any Error)?) -> Void) { done(nil) }
    func begin(_ host: any PeerHost, limits: ConnectionLimits.Configuration) {}
    func setLimits(_ limits: ConnectionLimits.Configuration) {}

    func admit(
        user: ByteName?,
        address: AddressKey?,
        _ then: @escaping @Sendable (ConnectionLimits.Answer) -> Void
    ) {
        then(.admitted(1))
    }

    func release(_ id: ConnectionLimits.ID) {}
    func tellAll(_ disconnection: Disconnection, _ then: @escaping @Sendable (Int) -> Void) { then(0) }
    func subscribersElsewhere(_ then: @escaping @Sendable ([ScanID: Int]) -> Void) { then([:]) }
    func setLoad(_ load: @escaping @Sendable () -> EngineLoad) {}
    func start() {}
    func shutdown() -> EventLoopFuture<Void> { preconditionFailure("the test shuts nothing down") }

    // MARK: Scans

    var status: EngineStatus { EngineStatus() }
    var isCutOff: Bool { false }
    var appendTimeout: TimeAmount { .seconds(10) }
    var maximumRecordBytes: Int { 1000 }
    var maximumRequestCount: Int { 1 }

    func keeps(_ id: ScanID) -> Bool { false }
    func isOld(_ header: RecordHeader) -> Bool { false }
    func byteCount(of record: LogRecord) -> Int { 0 }
    func follow(_ id: ScanID, _ follower: any ScanFollower, on eventLoop: any EventLoop) {}
    func unfollow(_ id: ScanID, on eventLoop: any EventLoop) {}

    func turn(of id: ScanID, on eventLoop: any EventLoop) -> NIODeadline { .distantPast }
    func append(_ draft: RecordDraft, to id: ScanID, promise: EventLoopPromise<AppendOutcome>) {
        promise.succeed(.unavailable)
    }

    func last(of id: ScanID, promise: EventLoopPromise<RecordHeader?>) { promise.succeed(nil) }

    func read(_ request: StoredPageRequest, of id: ScanID, epoch: String, promise: EventLoopPromise<StoredPage>) {
        promise.fail(RelayRefusal.scanNotFound)
    }

    func list(promise: EventLoopPromise<[RecordHeader]>) { promise.succeed([]) }
    func listReachable(promise: EventLoopPromise<[RecordHeader]>) { promise.succeed([]) }
    func erase(_ id: ScanID, before place: UInt64, promise: EventLoopPromise<Void>) { promise.succeed() }
}
