internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// Reads of scans without following them.
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
                guard let elsewhere = self.services.subscribersElsewhere else {
                    exchange.respond(.json(), body: Self.body(state, exchange))
                    return
                }
                elsewhere.counts(on: exchange.eventLoop).assumeIsolated()
                    .whenSuccess { counts in
                        var state = state
                        state.summary.subscriberCount += counts[scanID] ?? 0
                        exchange.respond(.json(), body: Self.body(state, exchange))
                    }
            }
    }

    /// `GET /api/scans/{scanId}/messages`.
    func messages(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID) throws(Problem) {
        let query = try HistoryQuery(exchange.request.query)
        let request = query.request
        let relay = self.services.relay
        relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let owner = exchange.found(result),
                    self.readable(owner, \.owner, scanID, identity, exchange) != nil
                else {
                    return
                }
                let read = { relay.history(of: scanID, $0, on: exchange.eventLoop) }
                read(HistoryBody.slice(of: request)).assumeIsolated()
                    .whenComplete { result in
                        guard let page = exchange.found(result) else {
                            return
                        }
                        guard let page else {
                            exchange.respond(problem: Problem(.scanNotFound))
                            return
                        }
                        let body = HistoryBody(page, of: request, scanID: scanID, hasTimes: query.hasTimes, read: read)
                        exchange.respond(.json(), body: body)
                    }
            }
    }

    /// The found value, if the identity may read it; otherwise this answers with the refusal.
    ///
    /// A client that may not read a scan does not learn whether it exists.
    func readable<Found>(
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

    private static func body(_ state: ScanState, _ exchange: HTTPExchange) -> HTTPListBody {
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 1024)
        writer.beginObject()
        state.summary.writeMembers(into: &writer)
        writer.member("epoch", state.epoch)
        writer.member("seq", Int(clamping: state.seq.rawValue))
        writer.name("latest")
        writer.beginArray()
        let text = FrameText(scanID: state.summary.id)
        let latest = state.latest
        let tail = ByteBuffer(staticString: "]}")
        return HTTPListBody(head: writer.buffer, tail: tail, count: latest.count) { index, piece in
            text.writeSpliced(latest[index], into: &piece)
        }
    }
}

extension ScanSummary {
    /// Writes the members that the statistics and a scan's state have in common.
    func writeMembers(into writer: inout JSONWriter) {
        writer.member("scan_id", self.id.text)
        writer.member("message_count", self.messageCount)
        writer.member("elapsed_time", self.elapsed.roundedSeconds)
        writer.member("is_completed", self.isCompleted)
        writer.member("is_stalled", self.isStalled)
        writer.member("outcome", self.outcome.rawValue)
        writer.member("error", self.error)
        writer.member("owner", self.owner)
        writer.member("name", self.name)
        writer.member("phase", self.fold.phase)
        writer.member("percent", self.fold.percent)
        writer.member("started_at", self.fold.startedAt.map { Int(clamping: $0.milliseconds) })
        writer.member("last_message_at", self.fold.lastMessageAt.map { Int(clamping: $0.milliseconds) })
        Self.write("counts", self.fold.counts, into: &writer)
        Self.write("severities", self.fold.severities, into: &writer)
        writer.member("subscribers", self.subscriberCount)
    }

    private static func write(_ name: String, _ counts: [String: Int], into writer: inout JSONWriter) {
        writer.name(name)
        writer.beginObject()
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
            writer.member(key, count)
        }
        writer.endObject()
    }
}

extension TimeAmount {
    /// The length in seconds, to the millisecond.
    var roundedSeconds: Double {
        (Double(self.nanoseconds) / 1_000_000).rounded() / 1000
    }
}
