package import SluiceBase

/// The state and the counters of an engine.
package struct EngineStatus: Sendable, Equatable {
    /// Why no shard takes appends, as text for the operator; nil while at least one does.
    package var failure: String?
    /// Whether each shard takes appends, by shard.
    package var shards: [Bool] = []
    /// Void records read since the start: another process's, or an own one that was written twice.
    package var voidRecords = 0
    /// Drafts and parts of carries since the start that were overtaken, and attempts to write one again because no
    /// answer came.
    package var overtakenDrafts = 0
    package var repeatedDrafts = 0
    /// Drafts since the start that were not confirmed within ``ScanEngine/appendTimeout``.
    package var failedDrafts = 0
    /// Reconnections to the engine since the start.
    package var reconnects = 0
    /// How often a part of the log got a leader since the start, as far as that was heard.
    package var elections = 0
    /// How long each confirmed draft since the start took, in seconds.
    package var appendTimes = Histogram(bounds: Histogram.timeBounds)
    /// The number of scans at the last count.
    package var scans = 0
    /// The number of scans that are followed.
    package var openScans = 0
    /// The number of processes that share the log, including this one.
    package var nodes = 1

    package init() {}

    /// Whether at least one shard takes appends.
    package var isUp: Bool { self.failure == nil }
}
