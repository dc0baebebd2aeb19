internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// The checks of sockets and event streams before they begin.
extension Gatekeeper {
    /// Asks a scan's home whose it is; `then` is called only if the visitor may read it.
    ///
    /// Answers the refusal.
    func mayFollow(
        _ scanID: ScanID,
        _ visitor: Visitor,
        _ exchange: HTTPExchange,
        then: @escaping (ScanOwner?) -> Void
    ) {
        self.services.relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let found = exchange.found(result) else {
                    return
                }
                guard visitor.identity.maySubscribe(scan: scanID.text, owner: found?.owner) else {
                    exchange.respond(problem: Problem(.forbidden, "the token does not allow reading this scan"))
                    return
                }
                then(found)
            }
    }

    /// Takes one of the places for live connections, for a subscriber of the scan that the path names, or of many.
    ///
    /// Answers the refusal; `then` is called only if there is one, at once where the gateway is alone.
    func seat(
        _ kind: SubscriberConnection.Kind,
        _ visitor: Visitor,
        _ exchange: HTTPExchange,
        loop: LoopServices,
        scanID: ScanID?,
        then: @escaping (SubscriberConnection) -> Void
    ) {
        guard exchange.isOpen else {
            return
        }
        self.admit(visitor.identity, exchange) { place in
            then(
                SubscriberConnection(
                    kind,
                    services: self.services,
                    loop: loop,
                    identity: visitor.identity,
                    arrival: self.arrival(of: exchange, visitor),
                    errand: visitor.errand,
                    place: place,
                    scanID: scanID,
                    peer: exchange.connection.peerAddress
                )
            )
        }
    }
}
