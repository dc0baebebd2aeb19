internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// What can be read of scans without following them.
struct ScanReads: Sendable {
    let services: GatewayServices

    /// `GET /api/scans/stats`.
    func stats(_ exchange: HTTPExchange, _ identity: Identity) throws(Problem) {
        let query = try StatsQuery(exchange.request.query)
        self.services.stats.answer(identity, query, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let body?):
                    exchange.respond(.json(body))
                case .success(nil):
                    exchange.respond(problem: Problem(.invalidParameter, "after names none of your scans"))
                case .failure(let error):
                    exchange.respond(problem: IngestAnswers.problem(refusal: error))
                }
            }
    }

    /// `GET /api/scans/{scanId}`.
    func state(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID) {
        self.services.relay.state(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let state = exchange.found(result),
                    let state = self.readable(state, \.summary.owner, scanID, identity, exchange)
                else {
                    return
                }
                exchange.respond(.json(Self.body(state, exchange)))
            }
    }

    /// `GET /api/scans/{scanId}/messages`.
    func messages(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID) throws(Problem) {
        let query = try HistoryQuery(exchange.request.query)
        let relay = self.services.relay
        relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let owner = exchange.found(result),
                    self.readable(owner, \.owner, scanID, identity, exchange) != nil
                else {
                    return
                }
                relay.history(of: scanID, query.request, on: exchange.eventLoop).assumeIsolated()
                    .whenComplete { result in
                        guard let page = exchange.found(result) else {
                            return
                        }
                        guard let page else {
                            exchange.respond(problem: Problem(.scanNotFound))
                            return
                        }
                        exchange.respond(.json(Self.body(page, scanID, hasTimes: query.hasTimes, exchange)))
                    }
            }
    }

    /// What was found, if the identity may read it; else the refusal is answered.
    ///
    /// Who may not read a scan does not learn whether it exists.
    private func readable<Found>(
        _ found: Found?,
        _ owner: (Found) -> String?,
        _ scanID: ScanID,
        _ identity: Identity,
        _ exchange: HTTPExchange
    ) -> Found? {
        guard identity.maySubscribe(scan: scanID.text, owner: found.flatMap(owner)) else {
            exchange.respond(problem: Problem(.forbidden, "the token does not allow reading this scan"))
            return nil
        }
        if found == nil {
            exchange.respond(problem: Problem(.scanNotFound))
        }
        return found
    }

    private static func body(_ state: ScanState, _ exchange: HTTPExchange) -> ByteBuffer {
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 1024)
        writer.beginObject()
        state.summary.writeMembers(into: &writer)
        writer.member("epoch", state.epoch)
        writer.member("seq", Int(clamping: state.seq.rawValue))
        writer.name("latest")
        Self.write(state.latest, state.summary.id, into: &writer)
        writer.endObject()
        return writer.buffer
    }

    private static func body(
        _ page: HistoryPage,
        _ scanID: ScanID,
        hasTimes: Bool,
        _ exchange: HTTPExchange
    ) -> ByteBuffer {
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 4096)
        writer.beginObject()
        writer.member("scanId", scanID.text)
        writer.member("epoch", page.epoch)
        writer.name("messages")
        Self.write(page.entries, scanID, into: &writer)
        if hasTimes {
            writer.name("times")
            writer.beginArray()
            for entry in page.entries {
                writer.value(Int(entry.at.milliseconds))
            }
            writer.endArray()
        }
        writer.member("next", page.next.map { Int(clamping: $0.rawValue) })
        if page.damagedCount > 0 {
            writer.member("damaged", page.damagedCount)
        }
        writer.endObject()
        return writer.buffer
    }

    private static func write(_ entries: [LogEntry], _ scanID: ScanID, into writer: inout JSONWriter) {
        let text = FrameText(scanID: scanID)
        writer.beginArray()
        for entry in entries {
            var message = ByteBuffer()
            text.writeSpliced(entry, into: &message)
            writer.raw(message)
        }
        writer.endArray()
    }
}
