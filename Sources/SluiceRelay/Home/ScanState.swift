/// The folded state of a scan.
package struct ScanState: Sendable {
    package var summary: ScanSummary
    package var epoch: String
    package var seq: Seq
    package var counts: [String: Int]
    /// The newest message of each conflated type and key, in the order of their seqs.
    package var latest: [LogEntry]
    /// The newest message that began a phase.
    package var phaseStart: LogEntry?
}
