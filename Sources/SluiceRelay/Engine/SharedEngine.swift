package import NIOCore

/// An engine as the gateway runs it: begun when its event loops are there, and ended before they are.
package protocol SharedEngine: AnyObject, ScanEngine {
    /// The processes that share the log, this one among them.
    var nodes: [EngineNode] { get }
    /// Who is asked for what this process tells the others of itself.
    func setLoad(_ load: @escaping @Sendable () -> EngineLoad)
    func start()
    /// What is being written is settled as unavailable.
    func shutdown() -> EventLoopFuture<Void>
}

/// A process that shares the log.
package struct EngineNode: Sendable, Equatable {
    package var name: String
    /// Tells it from a later process of the same name.
    package var instance: String
    package var version: String
    package var load: EngineLoad
    /// Since when it runs, in milliseconds since 1970, by its own clock.
    package var since: Int64
    /// How often it was connected anew: a process that lost messages is to others as a new one.
    package var link = 0
    /// The scans that it began and ended, since its start.
    package var changes = ScanChanges()

    package init(name: String, instance: String, version: String, load: EngineLoad, since: Int64) {
        self.name = name
        self.instance = instance
        self.version = version
        self.load = load
        self.since = since
    }
}

/// How many scans were begun and ended.
///
/// Both, and not their difference: one that is begun and one that is ended would hide each other.
package struct ScanChanges: Sendable, Equatable {
    package var begun: Int
    package var ended: Int

    package init(begun: Int = 0, ended: Int = 0) {
        self.begun = begun
        self.ended = ended
    }

    package static func + (one: Self, other: Self) -> Self {
        Self(begun: one.begun + other.begun, ended: one.ended + other.ended)
    }
}

/// The load of a process.
package struct EngineLoad: Sendable, Equatable {
    package var connections = 0
    /// The number of scans that are open on the process.
    package var scans = 0
    package var isDraining = false

    package init() {}
}
