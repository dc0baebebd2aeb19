/// How publishing ended.
package enum PublishOutcome: Sendable, Equatable {
    /// What has its numbers, and is not to be posted again.
    package struct Taken: Sendable, Equatable {
        var count = 0
        var lastSeq: Int?

        /// What is to be said of it behind a reason; nothing where nothing was taken.
        var words: String {
            guard self.count > 0 else { return "" }
            let number = self.lastSeq.map { ", the last as number \($0)" } ?? ""
            return "; \(self.count) message(s) before that were taken\(number)"
        }
    }

    /// All was taken; the gateway's answer, a line of JSON.
    case accepted(String)

    /// The gateway said no.
    case refused(Problem, Taken)

    /// Nobody answered, or the connection broke.
    case failed(String, Taken)

    /// Why not all was taken, as a sentence; nothing if all was.
    package var failure: String? {
        switch self {
        case .accepted:
            nil
        case .refused(let problem, let taken):
            "the gateway refused: \(problem)\(taken.words)"
        case .failed(let reason, let taken):
            reason + taken.words
        }
    }
}
