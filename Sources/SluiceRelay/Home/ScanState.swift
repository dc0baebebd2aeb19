/// The folded state of a scan.
package struct ScanState: Sendable {
    package var summary: ScanSummary
    package var epoch: String
    package var seq: Seq
    /// How many messages of each type were posted.
    package var counts: [String: Int] { self.summary.fold.counts }
    /// The newest message of each conflated type and key, in the order of their seqs.
    package var latest: [LogEntry]
}
