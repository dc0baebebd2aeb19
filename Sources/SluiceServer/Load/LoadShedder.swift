/// Decides when the gateway takes no new connection, and when it parts with its slowest readers, before the operating
/// system leaves it without descriptors or memory.
///
/// Of the descriptors some are kept back, for the operator's listener, for keys and files. Before those come some for
/// connections that are only told to come back later, and for health checks. Memory has a mark; once it is reached,
/// no new one is taken until a part of it is free again. Those inside are served on. A pure value.
struct LoadShedder: Sendable {
    /// The actions until the next look.
    struct Verdict: Sendable, Equatable {
        /// Connections beyond this number are told to come back later.
        var transportLimit = Int.max
        /// At this number the next connection is closed at once, or takes the place of one that is only told to come
        /// back.
        var acceptLimit = Int.max
        /// At this number, those counted that were closed and still have their descriptor, none is accepted for a moment.
        var pauseLimit = Int.max
        /// How many there may be that are only told to come back later.
        var toldLimit = LoadShedder.mostTold
        /// Whether memory is short, so that no new subscriber is taken on existing connections either.
        var isOverMemory = false
        /// Whether new connections are refused for lack of descriptors or memory.
        var isShedding = false
        /// How many of the clients that do not take their data are to be closed.
        var slowReadersToClose = 0
    }

    /// Memory must fall below this share of the mark before new connections are taken.
    private static let memoryRecoveryShare = 0.95
    /// The share of the connections that goes at one look, at most.
    private static let closedShare = 50
    /// Enough for health checks in a flood: each stays for as long as a hundred more take to come.
    private static let mostTold = 128

    private var isOverMemory = false
    private var wasShedding = false

    /// Nothing is short.
    init() {}

    /// Looks at the load.
    ///
    /// - Parameters:
    ///   - load: The resources in use.
    ///   - transports: How many of the descriptors are clients' connections.
    ///   - memoryMark: How many resident bytes are too many; nil for no such mark.
    /// - Returns: The actions until the next look.
    mutating func look(_ load: MachineLoad, transports: Int, memoryMark: Int?) -> Verdict {
        var verdict = Verdict()
        let limit = load.descriptorLimit
        if limit < Int.max {
            let others = max(0, load.openDescriptors - transports)
            let kept = min(max(limit / 16, 16), 128)
            let told = min(max(limit / 16, 16), Self.mostTold)
            verdict.acceptLimit = max(1, limit - others - kept)
            verdict.transportLimit = max(verdict.acceptLimit / 2, verdict.acceptLimit - told)
            verdict.toldLimit = verdict.acceptLimit - verdict.transportLimit
            verdict.pauseLimit = verdict.acceptLimit + kept / 2
        }
        self.isOverMemory = self.isOver(load.residentBytes, mark: memoryMark)
        verdict.isOverMemory = self.isOverMemory
        if self.isOverMemory {
            verdict.transportLimit = 0
        }
        verdict.isShedding = self.isOverMemory || transports >= verdict.transportLimit
        // First no new connection; only if that has not helped by the next look, the slowest are closed.
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
