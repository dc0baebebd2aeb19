internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay

/// The statistics of one caller, made in steps: first all scans are looked at, then the page is written.
///
/// Of ten thousand scans no more are put in order than the page holds. A pure value.
struct StatsReport {
    /// What a step came to.
    enum Step {
        /// There is more to do.
        case more
        /// The whole answer.
        case done(ByteBuffer)
        /// The scan that the page is to follow is not there, or not the caller's to read.
        case unknownPlace
    }

    /// A scan's place in the order.
    private struct Rank: Comparable {
        var key: Int64
        var id: String

        static func < (left: Rank, right: Rank) -> Bool {
            left.key == right.key ? left.id < right.id : left.key < right.key
        }
    }

    private enum Phase {
        /// Looking for the scan that the page follows.
        case finding(chunk: Int)
        case counting(chunk: Int, after: Rank?)
        case writing(page: [ScanSummary], next: Int)
    }

    /// How many scans are written in one step.
    static let writtenPerStep = 64
    /// Where the page ends, however few scans it has: their counts by type are the producers' to make long.
    static let maximumBytes = 2 * 1024 * 1024

    private let chunks: [[ScanSummary]]
    private let rights: Identity
    private let query: StatsQuery
    private var phase: Phase
    private var page: BoundedHeap<(rank: Rank, chunk: Int, place: Int)>
    /// How many scans come after the page's place.
    private var followingCount = 0
    private var readable = Totals()
    private var matching = Totals()
    private var writer = JSONWriter(capacity: 16 * 1024)

    /// The statistics of who has these rights, out of all scans in any order.
    init(_ chunks: [[ScanSummary]], rights: Identity, query: StatsQuery) {
        self.chunks = chunks
        self.rights = rights
        self.query = query
        let isDescending = query.isDescending
        self.page = BoundedHeap(capacity: query.limit) { left, right in
            isDescending ? right.rank < left.rank : left.rank < right.rank
        }
        if query.after != nil, query.order != .id {
            self.phase = .finding(chunk: 0)
        } else {
            self.phase = .counting(chunk: 0, after: query.after.map { Rank(key: 0, id: $0.text) })
        }
    }

    /// Does a little, about as much as one chunk of scans takes.
    mutating func advance() -> Step {
        switch self.phase {
        case .finding(let index):
            guard index < self.chunks.count else {
                return .unknownPlace
            }
            let found = self.chunks[index].first { $0.id == self.query.after && self.mayRead($0) }
            self.phase = found.map { .counting(chunk: 0, after: self.rank(of: $0)) } ?? .finding(chunk: index + 1)
            return .more
        case .counting(let index, let after):
            guard index < self.chunks.count else {
                self.begin()
                return .more
            }
            for place in self.chunks[index].indices {
                self.count(chunk: index, place: place, after: after)
            }
            self.phase = .counting(chunk: index + 1, after: after)
            return .more
        case .writing(let page, let next):
            return self.write(page, from: next)
        }
    }

    private func mayRead(_ scan: ScanSummary) -> Bool {
        self.rights.maySubscribe(scan: scan.id.text, owner: scan.owner)
    }

    private func rank(of scan: ScanSummary) -> Rank {
        switch self.query.order {
        case .id: Rank(key: 0, id: scan.id.text)
        case .started: Rank(key: scan.fold.startedAt?.milliseconds ?? .min, id: scan.id.text)
        case .lastMessage: Rank(key: scan.fold.lastMessageAt?.milliseconds ?? .min, id: scan.id.text)
        }
    }

    private mutating func count(chunk: Int, place: Int, after: Rank?) {
        let scan = self.chunks[chunk][place]
        guard self.mayRead(scan) else {
            return
        }
        self.readable.add(scan)
        guard self.query.outcome.map({ $0 == scan.outcome }) ?? true,
            self.query.part.map({ $0.stands(in: scan.id.text) || $0.stands(in: scan.name ?? "") }) ?? true
        else {
            return
        }
        self.matching.add(scan)
        let rank = self.rank(of: scan)
        guard after.map({ self.query.isDescending ? rank < $0 : $0 < rank }) ?? true else {
            return
        }
        self.followingCount += 1
        self.page.insert((rank, chunk, place))
    }

    /// Everything is counted: what stands before the list is written.
    private mutating func begin() {
        self.writer.beginObject()
        self.writer.member("total_scans", self.matching.scans)
        self.writer.member("running_scans", self.matching.scans - self.matching.completed)
        self.writer.member("completed_scans", self.matching.completed)
        self.writer.member("total_messages", self.matching.messages)
        // Of all that the caller may read, whatever is listed.
        self.writer.member("average_elapsed_time", self.readable.averageElapsed)
        self.writer.name("scans")
        self.writer.beginArray()
        self.phase = .writing(page: self.page.takeSorted().map { self.chunks[$0.chunk][$0.place] }, next: 0)
    }

    private mutating func write(_ page: [ScanSummary], from first: Int) -> Step {
        var next = first
        while next < min(first + Self.writtenPerStep, page.count), self.writer.buffer.readableBytes < Self.maximumBytes
        {
            self.writer.beginObject()
            page[next].writeMembers(into: &self.writer)
            self.writer.endObject()
            next += 1
        }
        let isFull = self.writer.buffer.readableBytes >= Self.maximumBytes
        guard next == page.count || isFull else {
            self.phase = .writing(page: page, next: next)
            return .more
        }
        self.writer.endArray()
        self.writer.member("next", next < self.followingCount ? page.prefix(next).last?.id.text : nil)
        self.writer.endObject()
        return .done(self.writer.buffer)
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
