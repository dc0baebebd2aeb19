internal import SluiceBase
internal import SluiceRelay

/// The findings of a scan, counted by severity, host, port and tag: as far as its log was read.
///
/// Plain data. Bounded in distinct values; a value that comes after that many is counted with the others.
struct FacetTally: Sendable {
    /// The values of one kind.
    struct Facet: Sendable, Equatable {
        /// What a value takes besides its text, about: its place in a table and its count.
        static let bytesPerValue = 64

        /// Findings by value.
        private(set) var counts: [String: Int] = [:]
        /// Findings of values that are not counted one by one.
        private(set) var othersCount = 0
        /// How many bytes the values take, about.
        private(set) var byteCount = 0

        mutating func note(_ value: String, maximumValues: Int) {
            if let place = self.counts.index(forKey: value) {
                self.counts.values[place] += 1
            } else if self.counts.count < maximumValues {
                self.counts[value] = 1
                self.byteCount += value.utf8.count + Self.bytesPerValue
            } else {
                self.othersCount += 1
            }
        }

        /// The most frequent values; of equally frequent ones the first by name.
        func top(_ count: Int) -> [(value: String, count: Int)] {
            var top = BoundedHeap<(value: String, count: Int)>(capacity: count) {
                $0.count == $1.count ? $0.value < $1.value : $0.count > $1.count
            }
            for (value, count) in self.counts {
                top.insert((value, count))
            }
            return top.takeSorted()
        }
    }

    /// What an empty tally takes, about, with its place among the others.
    private static let ownBytes = 400

    /// Which life of the log was read.
    let epoch: String
    /// Up to which message.
    private(set) var through: Seq = 0
    /// Whether that was the newest one.
    private(set) var isComplete = false
    /// How many messages were read, and how many of them are findings.
    private(set) var messageCount = 0
    private(set) var findingCount = 0
    /// Findings by severity, in the order of ``FindingFacts/Rank``.
    private(set) var ranks = [Int](repeating: 0, count: FindingFacts.Rank.allCases.count)
    private(set) var hosts = Facet()
    private(set) var ports = Facet()
    private(set) var tags = Facet()

    init(epoch: String) {
        self.epoch = epoch
    }

    /// How many bytes it takes, about.
    var byteCount: Int {
        self.hosts.byteCount + self.ports.byteCount + self.tags.byteCount + Self.ownBytes
    }

    /// Counts the next page of the log.
    mutating func take(_ page: HistoryPage, maximumValues: Int) {
        for entry in page.entries {
            self.messageCount += 1
            self.through = entry.seq
            if let finding = FindingReader.read(entry.message) {
                self.note(finding, maximumValues: maximumValues)
            }
        }
        self.through = page.next ?? self.through
        self.isComplete = page.next == nil
    }

    private mutating func note(_ finding: FindingFacts, maximumValues: Int) {
        self.findingCount += 1
        self.ranks[finding.rank.rawValue] += 1
        if !finding.host.isEmpty {
            self.hosts.note(finding.host, maximumValues: maximumValues)
        }
        if let port = finding.port {
            self.ports.note(String(port), maximumValues: maximumValues)
        }
        for tag in finding.tags {
            self.tags.note(tag, maximumValues: maximumValues)
        }
    }
}
