/// What became of an export.
package enum ExportOutcome: Sendable, Equatable {
    /// All that the gateway could give was written; so many more are stored and damaged.
    case completed(damaged: Int)
    /// The gateway said no.
    case refused(Problem)
    /// Nobody answered, or not in a way that is of use.
    case failed(String)
    /// Nobody takes the lines any more.
    case outputClosed
}
