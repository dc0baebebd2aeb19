internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// The statistics of one caller, out of all scans.
///
/// Of ten thousand scans only as many are sorted as the page holds. A pure value.
struct StatsReport: Sendable {
    /// A scan's place in the order.
    private struct Rank: Comparable {
        var key: Int64
        var id: String

        static func < (left: Rank, right: Rank) -> Bool {
            left.key == right.key ? left.id < right.id : left.key < right.key
        }
    }

    /// The totals of all scans, and the scans that the page lists.
    private struct Findings {
        /// All that the caller may read.
        var readable = Totals()
        /// Those of them that match.
        var matching = Totals()
        /// Those whose id or name matches, whatever their outcome.
        var found = Spread()
        var page: [ScanSummary] = []
        /// How many scans come after the page's place.
        var followingCount = 0
    }

    /// Where the page ends, however few scans it has: their counts by type are the producers' to make long.
    static let maximumBytes = 2 * 1024 * 1024

    let chunks: [[ScanSummary]]
    let rights: Identity
    let query: StatsQuery

    /// The statistics for a caller with these rights, from all scans in any order.
    init(_ chunks: [[ScanSummary]], rights: Identity, query: StatsQuery) {
        self.chunks = chunks
        self.rights = rights
        self.query = query
    }

    /// The answer; nil if the scan before the page does not exist, or the caller may not read it.
    func body() -> ByteBuffer? {
        guard let after = self.query.after else {
            return self.write(self.find(after: nil))
        }
        if self.query.order == .id {
            return self.write(self.find(after: Rank(key: 0, id: after.text)))
        }
        let scan = self.chunks.lazy.compactMap { chunk in chunk.first { $0.id == after } }.first
        guard let scan, self.mayRead(scan) else {
            return nil
        }
        return self.write(self.find(after: self.rank(of: scan)))
    }

    private func mayRead(_ scan: ScanSummary) -> Bool {
        self.rights.maySubscribe(scan: scan.id.text, owner: scan.owner)
    }

    private func rank(of scan: ScanSummary) -> Rank {
        switch self.query.order {
        case .id: Rank(key: 0, id: scan.id.text)
        case .started: Rank(key: scan.fold.startedAt?.milliseconds ?? .min, id: scan.id.text)
        case .lastMessage: Rank(key: scan.fold.lastMessageAt?.milliseconds ?? .min, id: scan.id.text)
        case .messages: Rank(key: Int64(clamping: scan.messageCount), id: scan.id.text)
        case .severity: Rank(key: Self.weight(scan.fold.severities), id: scan.id.text)
        }
    }

    /// The severities as one number, the worst first: 15 bits each for the critical, high, medium and low ones.
    private static func weight(_ severities: [String: Int]) -> Int64 {
        Spread.levels.dropLast()
            .reduce(0) { weight, level in
                weight << 15 | Int64(min(severities[level] ?? 0, 0x7FFF))
            }
    }

    private func precedes(_ left: Rank, _ right: Rank) -> Bool {
        self.query.isDescending ? right < left : left < right
    }

    private func matchesPart(_ scan: ScanSummary) -> Bool {
        guard let part = self.query.part else {
            return true
        }
        return part.stands(in: scan.id.text) || scan.name.map { part.stands(in: $0) } ?? false
    }

    private func find(after: Rank?) -> Findings {
        var findings = Findings()
        var page = BoundedHeap<(rank: Rank, chunk: Int, place: Int)>(capacity: self.query.limit) {
            self.precedes($0.rank, $1.rank)
        }
        for (chunk, scans) in self.chunks.enumerated() {
            for (place, scan) in scans.enumerated() where self.mayRead(scan) {
                findings.readable.add(scan)
                guard self.matchesPart(scan) else {
                    continue
                }
                findings.found.add(scan)
                guard self.query.outcome.map({ $0 == scan.outcome }) ?? true else {
                    continue
                }
                findings.matching.add(scan)
                let rank = self.rank(of: scan)
                if let after, !self.precedes(after, rank) {
                    continue
                }
                findings.followingCount += 1
                page.insert((rank, chunk, place))
            }
        }
        findings.page = page.takeSorted().map { self.chunks[$0.chunk][$0.place] }
        return findings
    }

    private func write(_ findings: Findings) -> ByteBuffer {
        var writer = JSONWriter(capacity: 16 * 1024)
        writer.beginObject()
        writer.member("total_scans", findings.matching.scans)
        writer.member("running_scans", findings.matching.scans - findings.matching.completed)
        writer.member("completed_scans", findings.matching.completed)
        writer.member("total_messages", findings.matching.messages)
        // Of all that the caller may read, whatever is listed.
        writer.member("average_elapsed_time", findings.readable.averageElapsed)
        if self.query.hasTotals {
            findings.found.write(into: &writer)
        }
        writer.name("scans")
        writer.beginArray()
        var count = 0
        for scan in findings.page where writer.buffer.readableBytes < Self.maximumBytes {
            writer.beginObject()
            scan.writeMembers(into: &writer)
            writer.endObject()
            count += 1
        }
        writer.endArray()
        writer.member("next", count < findings.followingCount ? findings.page.prefix(count).last?.id.text : nil)
        writer.endObject()
        return writer.buffer
    }
}

extension StatsReport {
    /// Sums over scans.
    private struct Totals {
        var scans = 0
        var completed = 0
        var messages = 0
        var elapsed = 0.0

        mutating func add(_ scan: ScanSummary) {
            self.scans += 1
            self.completed += scan.isCompleted ? 1 : 0
            let (sum, overflow) = self.messages.addingReportingOverflow(scan.messageCount)
            self.messages = overflow ? .max : sum
            self.elapsed += scan.elapsed.roundedSeconds
        }

        var averageElapsed: Double {
            self.scans == 0 ? 0 : (self.elapsed / Double(self.scans) * 1000).rounded() / 1000
        }
    }
}

extension StatsReport {
    /// The numbers of scans by outcome, and of findings by severity.
    private struct Spread {
        /// The severities that are summed up, the worst first.
        ///
        /// Others are counted for each scan only.
        static let levels = ["critical", "high", "medium", "low", "info"]

        private var outcomes = [Int](repeating: 0, count: ScanOutcome.allCases.count)
        private var severities = [Int](repeating: 0, count: Spread.levels.count)

        mutating func add(_ scan: ScanSummary) {
            if let index = ScanOutcome.allCases.firstIndex(of: scan.outcome) {
                self.outcomes[index] += 1
            }
            guard !scan.fold.severities.isEmpty else {
                return
            }
            for (index, level) in Self.levels.enumerated() {
                let count = scan.fold.severities[level] ?? 0
                let (sum, overflow) = self.severities[index].addingReportingOverflow(count)
                self.severities[index] = overflow ? .max : sum
            }
        }

        func write(into writer: inout JSONWriter) {
            Self.write("outcomes", ScanOutcome.allCases.map { $0.rawValue }, self.outcomes, into: &writer)
            Self.write("severities", Self.levels, self.severities, into: &writer)
        }

        private static func write(_ name: String, _ keys: [String], _ counts: [Int], into writer: inout JSONWriter) {
            writer.name(name)
            writer.beginObject()
            for (key, count) in zip(keys, counts) {
                writer.member(key, count)
            }
            writer.endObject()
        }
    }
}
