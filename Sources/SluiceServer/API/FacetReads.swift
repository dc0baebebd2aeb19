internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceHTTP
internal import SluiceRelay

/// `GET /api/scans/{scanId}/facets`: the findings of a scan, counted by severity, host, port and tag.
struct FacetReads: Sendable {
    /// The most values of a kind in an answer, and how many it has unless asked otherwise.
    static let maximumCount = 1000
    static let defaultCount = 100

    let services: GatewayServices

    func answer(_ exchange: HTTPExchange, _ identity: Identity, _ scanID: ScanID) throws(Problem) {
        let limit = try QueryReader.integer("limit", in: exchange.request.query, 1...UInt64(Self.maximumCount))
        let count = limit.map { Int($0) } ?? Self.defaultCount
        let services = self.services
        services.relay.owner(of: scanID, on: exchange.eventLoop).assumeIsolated()
            .whenComplete { result in
                guard let owner = exchange.found(result),
                    ScanReads(services: services).readable(owner, \.owner, scanID, identity, exchange) != nil
                else {
                    return
                }
                let limits = services.settings.configuration.limits.facets
                services.facets.tally(of: scanID, limits, on: exchange.eventLoop).assumeIsolated()
                    .whenComplete { result in
                        guard let tally = exchange.found(result) else {
                            return
                        }
                        guard let tally else {
                            exchange.respond(problem: Problem(.scanNotFound))
                            return
                        }
                        exchange.respond(.json(Self.body(tally, of: scanID, count: count)))
                    }
            }
    }

    private static func body(_ tally: FacetTally, of scanID: ScanID, count: Int) -> ByteBuffer {
        var writer = JSONWriter(capacity: 4096)
        writer.beginObject()
        writer.member("scanId", scanID.text)
        writer.member("epoch", tally.epoch)
        writer.member("seq", Int(clamping: tally.through.rawValue))
        writer.member("isComplete", tally.isComplete)
        writer.member("messages", tally.messageCount)
        writer.member("findings", tally.findingCount)
        writer.name("severities")
        writer.beginObject()
        for rank in FindingFacts.Rank.allCases {
            writer.member("\(rank)", tally.ranks[rank.rawValue])
        }
        writer.endObject()
        self.write("hosts", tally.hosts, count, into: &writer)
        self.write("ports", tally.ports, count, into: &writer)
        self.write("tags", tally.tags, count, into: &writer)
        writer.endObject()
        return writer.buffer
    }

    private static func write(_ name: String, _ facet: FacetTally.Facet, _ count: Int, into writer: inout JSONWriter) {
        writer.name(name)
        writer.beginObject()
        writer.member("distinct", facet.counts.count)
        writer.member("others", facet.othersCount)
        writer.name("values")
        writer.beginArray()
        for entry in facet.top(count) {
            writer.beginObject()
            writer.member("value", entry.value)
            writer.member("count", entry.count)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
