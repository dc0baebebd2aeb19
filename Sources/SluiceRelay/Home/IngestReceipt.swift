/// What became of an ingest request that was taken.
package struct IngestReceipt: Sendable, Equatable {
    package var acceptedCount: Int
    /// The seqs given, where there were messages.
    package var seqs: ClosedRange<Seq>?
    /// Whether this is the answer of an earlier request with the same key.
    package var isReplayed = false

    package init(acceptedCount: Int, seqs: ClosedRange<Seq>?) {
        self.acceptedCount = acceptedCount
        self.seqs = seqs
    }
}
