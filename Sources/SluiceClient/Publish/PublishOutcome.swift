/// How publishing ended.
package enum PublishOutcome: Sendable, Equatable {
    /// All was taken; the gateway's answer, a line of JSON.
    case accepted(String)

    /// The gateway said no.
    case refused(Problem)

    /// Nobody answered, or the connection broke.
    case failed(String)
}
