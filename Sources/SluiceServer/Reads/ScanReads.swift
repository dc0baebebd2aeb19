internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// What can be read of scans without following them.
struct ScanReads: Sendable {
    let services: GatewayServices

    /// The most messages of one page of history, and how many it has unless asked otherwise.
    private static let maximumPageCount = 1000
    private static let defaultPageCount = 500
    /// The most bytes of messages in one page of history.
    private static let maximumPageBytes = 4 * 1024 * 1024

    /// `GET /api/scans/stats`.
    func stats(_ exchange: HTTPExchange, _ identity: Identity) {
        self.services.relay.summaries(on: exchange.eventLoop).assumeIsolated()
            .whenSuccess { summaries in
                let visible = summaries.filter { identity.maySubscribe(scan: $0.id.text, owner: $0.owner) }
                exchange.respond(.json(Self.body(visible.sorted { $0.id.text < $1.id.text }, exchange)))
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
        let since = try QueryReader.seq("since", in: exchange.request.query) ?? 0
        let limit = try QueryReader.integer("limit", in: exchange.request.query, 1...UInt64(Self.maximumPageCount))
        let hasTimes = try QueryReader.choice("times", in: exchange.request.query, ["true", "false"]) == "true"
        let relay = self.services.relay
        relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let owner = exchange.found(result),
                    self.readable(owner, \.owner, scanID, identity, exchange) != nil
                else {
                    return
                }
                var request = HistoryRequest(
                    maximumCount: limit.map { Int($0) } ?? Self.defaultPageCount,
                    maximumBytes: Self.maximumPageBytes
                )
                request.after = since
                relay.history(of: scanID, request, on: exchange.eventLoop).assumeIsolated()
                    .whenComplete { result in
                        guard let page = exchange.found(result) else {
                            return
                        }
                        guard let page else {
                            exchange.respond(problem: Problem(.scanNotFound))
                            return
                        }
                        exchange.respond(.json(Self.body(page, scanID, hasTimes: hasTimes, exchange)))
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

    private static func seconds(_ time: TimeAmount) -> Double {
        (Double(time.nanoseconds) / 1_000_000).rounded() / 1000
    }

    private static func body(_ scans: [ScanSummary], _ exchange: HTTPExchange) -> ByteBuffer {
        let completed = scans.count { $0.isCompleted }
        let elapsed = scans.reduce(0) { $0 + Self.seconds($1.elapsed) }
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 256 + scans.count * 160)
        writer.beginObject()
        writer.member("total_scans", scans.count)
        writer.member("running_scans", scans.count - completed)
        writer.member("completed_scans", completed)
        writer.member("total_messages", scans.reduce(0) { $0 + $1.messageCount })
        writer.member(
            "average_elapsed_time",
            scans.isEmpty ? 0 : (elapsed / Double(scans.count) * 1000).rounded() / 1000
        )
        writer.name("scans")
        writer.beginArray()
        for scan in scans {
            writer.beginObject()
            writer.member("scan_id", scan.id.text)
            writer.member("message_count", scan.messageCount)
            writer.member("elapsed_time", Self.seconds(scan.elapsed))
            writer.member("is_completed", scan.isCompleted)
            writer.member("is_stalled", scan.isStalled)
            writer.member("name", scan.name)
            writer.member("subscribers", scan.subscriberCount)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.buffer
    }

    private static func body(_ state: ScanState, _ exchange: HTTPExchange) -> ByteBuffer {
        var writer = JSONWriter(allocator: exchange.connection.allocator, capacity: 1024)
        writer.beginObject()
        writer.member("scan_id", state.summary.id.text)
        writer.member("owner", state.summary.owner)
        writer.member("name", state.summary.name)
        writer.member("is_completed", state.summary.isCompleted)
        writer.member("is_stalled", state.summary.isStalled)
        writer.member("epoch", state.epoch)
        writer.member("seq", Int(clamping: state.seq.rawValue))
        writer.member("message_count", state.summary.messageCount)
        writer.member("elapsed_time", Self.seconds(state.summary.elapsed))
        writer.member("subscribers", state.summary.subscriberCount)
        let progress = ScanProgress(state)
        writer.member("phase", progress.phase)
        writer.member("percent", progress.percent)
        writer.name("counts")
        writer.beginObject()
        for (type, count) in state.counts.sorted(by: { $0.key < $1.key }) {
            writer.member(type, count)
        }
        writer.endObject()
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
