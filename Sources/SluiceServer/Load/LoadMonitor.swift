internal import Logging
internal import SluiceHTTP
internal import Synchronization

/// The last look at the process's load, and its consequences.
final class LoadMonitor: Sendable {
    private struct State {
        var shedder = LoadShedder()
        var load = MachineLoad()
        var memoryMark: Int?
        var isShedding = false
        var isOverMemory = false
    }

    private let state = Mutex(State())

    /// The load at the last look.
    var load: MachineLoad { self.state.withLock { $0.load } }

    /// Whether new connections are refused for lack of descriptors or memory.
    var isShedding: Bool { self.state.withLock { $0.isShedding } }

    /// The resident bytes at which no new connection is taken; nil for no such mark.
    var memoryMark: Int? { self.state.withLock { $0.memoryMark } }

    /// Whether memory is short: then no new subscriber is taken on existing connections either.
    var isOverMemory: Bool { self.state.withLock { $0.isOverMemory } }

    /// Makes the gateway act on a load.
    func take(_ load: MachineLoad, services: GatewayServices) {
        let transports = services.transports.current
        let mark = services.settings.configuration.limits.memory.mark(available: load.memoryBytes)
        let (verdict, changed) = self.state.withLock { state in
            let verdict = state.shedder.look(load, transports: transports, memoryMark: mark)
            let changed = verdict.isShedding != state.isShedding
            state.load = load
            state.memoryMark = mark
            state.isShedding = verdict.isShedding
            state.isOverMemory = verdict.isOverMemory
            return (verdict, changed)
        }
        services.transports.setVerdict(verdict)
        services.requests.setShort(verdict.isOverMemory)
        if verdict.slowReadersToClose > 0 {
            services.connections.closeSlowest(verdict.slowReadersToClose)
        }
        if changed {
            services.logger.log(
                level: verdict.isShedding ? .error : .notice,
                verdict.isShedding ? "sheds load: new connections are refused" : "load is back to normal",
                metadata: Self.metadata(load, transports: transports, memoryMark: mark)
            )
        }
    }

    private static func metadata(_ load: MachineLoad, transports: Int, memoryMark: Int?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "connections": .stringConvertible(transports),
            "open_descriptors": .stringConvertible(load.openDescriptors),
            "descriptor_limit": .stringConvertible(load.descriptorLimit),
            "resident_bytes": .stringConvertible(load.residentBytes),
        ]
        metadata["memory_mark_bytes"] = memoryMark.map { .stringConvertible($0) }
        return metadata
    }
}
