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
    /// How many scans it began less how many it ended, since its start.
    package var balance = 0

    package init(name: String, instance: String, version: String, load: EngineLoad, since: Int64) {
        self.name = name
        self.instance = instance
        self.version = version
        self.load = load
        self.since = since
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
