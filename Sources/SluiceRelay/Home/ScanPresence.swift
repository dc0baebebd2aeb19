import DequeModule
import NIOCore

/// How a home knows a scan: one state for each id, which holds what is valid in it.
///
/// An id of which the home knows nothing has none.
enum ScanPresence {
    /// There is no such scan, and subscribers wait for one.
    case awaited(WaiterList)
    /// An earlier process left it, and its log is in the store until it is asked for.
    case dormant(DormantScan)
    /// Its log is being read.
    case loading(LoadingScan)
    /// It is in memory.
    case live(LiveScan)
}

/// A scan in memory, and what stands in line for it.
final class LiveScan {
    let scan: ScanHome
    /// What follows when the record that is half applied is finished.
    var finish: () -> Void = {}
    /// What would change the scan and came meanwhile, in order.
    private(set) var waiting: Deque<() -> Void> = []
    /// Subscribers that waited for the scan and are not admitted yet.
    var waiters: WaiterList?

    init(_ scan: ScanHome, waiters: WaiterList? = nil) {
        self.scan = scan
        self.waiters = waiters
    }

    /// Whether what would change the scan has to wait.
    var isBusy: Bool { self.scan.isApplying || !self.waiting.isEmpty }

    /// Has a command wait for its turn.
    func wait(_ command: @escaping () -> Void) {
        self.waiting.append(command)
    }

    /// The command whose turn it is.
    func popWaiting() -> (() -> Void)? {
        self.waiting.popFirst()
    }

    /// A scan of the same name has taken the place of another one, and what waited there goes on here, before all else.
    func inherit(_ other: LiveScan) {
        self.waiting.prepend(contentsOf: other.waiting)
        other.waiting.removeAll()
    }
}

/// A scan that an earlier process left.
final class DormantScan {
    let scan: StoredScan
    var lifecycle: ScanLifecycle

    init(scan: StoredScan, lifecycle: ScanLifecycle) {
        self.scan = scan
        self.lifecycle = lifecycle
    }
}

/// A dormant scan that was asked for.
final class LoadingScan {
    let dormant: DormantScan
    /// What waits for its log, in order; each is told why there is none.
    var commands: [(RelayRefusal?) -> Void]

    init(_ dormant: DormantScan, _ command: @escaping (RelayRefusal?) -> Void) {
        self.dormant = dormant
        self.commands = [command]
    }
}

/// Subscribers that wait for a scan to appear.
final class WaiterList {
    struct Waiter {
        var loop: Int
        var request: SubscriptionRequest
    }

    var waiters: [SubscriptionID: Waiter] = [:]
}
