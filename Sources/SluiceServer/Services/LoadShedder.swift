/// Decides when the gateway takes nobody new, and when it parts with its slowest readers, before the operating system
/// leaves it without descriptors or memory.
///
/// Of the descriptors some are kept back, for the operator's listener, for keys and files. Before those come some for
/// connections that are only told to come back later. Memory has a mark of the operator's; once it is reached, nobody
/// new is taken until a part of it is free again. Those inside are served on. A pure value.
struct LoadShedder: Sendable {
    /// What is to be done until the next look.
    struct Verdict: Sendable, Equatable {
        /// Connections beyond this number are told to come back later.
        var transportLimit = Int.max
        /// At this number no further connection is accepted; they wait in the system's queue.
        var acceptLimit = Int.max
        /// Whether new connections are refused for want of descriptors or memory.
        var isShedding = false
        /// How many of those that do not take what they are sent are to go.
        var slowReadersToClose = 0
    }

    /// Memory has to sink below this share of the mark before anybody new is taken.
    private static let memoryRecoveryShare = 0.95
    /// The share of the connections that goes at one look, at most.
    private static let closedShare = 50

    private var isOverMemory = false
    private var wasShedding = false

    /// Nothing is short.
    init() {}

    /// Looks at the load.
    ///
    /// - Parameters:
    ///   - load: What is in use.
    ///   - transports: How many of the descriptors are clients' connections.
    ///   - memoryMark: How many resident bytes are too many; nil for no such mark.
    /// - Returns: What is to be done until the next look.
    mutating func look(_ load: MachineLoad, transports: Int, memoryMark: Int?) -> Verdict {
        var verdict = Verdict()
        let limit = load.descriptorLimit
        if limit < Int.max {
            let others = max(0, load.openDescriptors - transports)
            let kept = min(max(limit / 16, 16), 128)
            let told = min(max(limit / 16, 8), 128)
            verdict.acceptLimit = max(1, limit - others - kept)
            verdict.transportLimit = max(1, verdict.acceptLimit - told)
        }
        self.isOverMemory = self.isOver(load.residentBytes, mark: memoryMark)
        if self.isOverMemory {
            verdict.transportLimit = 0
        }
        verdict.isShedding = self.isOverMemory || transports >= verdict.transportLimit
        // First nobody new; only if that has not helped by the next look, the slowest have to go.
        if verdict.isShedding, self.wasShedding {
            verdict.slowReadersToClose = max(1, transports / Self.closedShare)
        }
        self.wasShedding = verdict.isShedding
        return verdict
    }

    private func isOver(_ residentBytes: Int, mark: Int?) -> Bool {
        guard let mark else {
            return false
        }
        let share = self.isOverMemory ? Self.memoryRecoveryShare : 1
        return Double(residentBytes) >= Double(mark) * share
    }
}
