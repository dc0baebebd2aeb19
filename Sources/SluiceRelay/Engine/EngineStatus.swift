package import SluiceBase

/// How an engine is.
package struct EngineStatus: Sendable, Equatable {
    /// What stands in the way of appends, in words for the operator; nil while some part of the log takes them.
    package var failure: String?
    /// Whether each part of the log takes appends.
    package var shards: [Bool] = []
    /// Records of others, or of one's own written twice, that did not count, since the start.
    package var voidRecords = 0
    /// Drafts that were overtaken, and drafts that were written once more for want of an answer, since the start.
    package var overtakenDrafts = 0
    package var repeatedDrafts = 0
    /// Drafts that the engine has not confirmed in time since the start.
    package var failedDrafts = 0
    /// Times that the engine was connected to anew since the start.
    package var reconnects = 0
    /// Records appended since the start, and how long each took, in seconds.
    package var appendTimes = Histogram(bounds: Histogram.timeBounds)
    /// Scans that there are, as they were last counted.
    package var scans = 0
    /// Scans that are followed.
    package var openScans = 0
    /// Processes that share the log, this one among them.
    package var nodes = 1

    package init() {}

    /// Whether some part of the log takes appends.
    package var isUp: Bool { self.failure == nil }
}
