internal import Logging
internal import Synchronization

/// The last look at the process's load, and what followed from it.
final class LoadMonitor: Sendable {
    private struct State {
        var shedder = LoadShedder()
        var load = MachineLoad()
        var isShedding = false
    }

    private let state = Mutex(State())

    /// What was seen last.
    var load: MachineLoad { self.state.withLock { $0.load } }

    /// Whether new connections are refused for want of descriptors or memory.
    var isShedding: Bool { self.state.withLock { $0.isShedding } }

    /// Has the gateway act on what was seen.
    func take(_ load: MachineLoad, services: GatewayServices) {
        let transports = services.transports.current
        let mark = services.settings.configuration.limits.memory
        let (verdict, changed) = self.state.withLock { state in
            let verdict = state.shedder.look(load, transports: transports, memoryMark: mark)
            let changed = verdict.isShedding != state.isShedding
            state.load = load
            state.isShedding = verdict.isShedding
            return (verdict, changed)
        }
        services.transports.setShedding(verdict)
        if verdict.slowReadersToClose > 0 {
            services.connections.closeSlowest(verdict.slowReadersToClose)
        }
        if changed {
            services.logger.log(
                level: verdict.isShedding ? .error : .notice,
                verdict.isShedding ? "sheds load: new connections are refused" : "load is back to normal",
                metadata: [
                    "connections": "\(transports)", "open_descriptors": "\(load.openDescriptors)",
                    "descriptor_limit": "\(load.descriptorLimit)", "resident_bytes": "\(load.residentBytes)",
                ]
            )
        }
    }
}
