import DequeModule
import NIOCore

/// What a home knows of a scan: one state per id, with the values that are valid in it.
///
/// An id that the home does not know has no entry.
enum ScanPresence {
    /// There is no such scan, and subscribers wait for one.
    case awaited(WaiterList)
    /// An earlier process left it, and its log stays in the store until it is asked for.
    case dormant(DormantScan)
    /// Its log is being read.
    case loading(LoadingScan)
    /// It is in memory.
    case live(LiveScan)
}

/// A scan in memory, and the commands that wait for it.
final class LiveScan {
    let scan: ScanHome
    /// Called when the half-applied record is finished.
    var finish: () -> Void = {}
    /// Changes to the scan that arrived meanwhile, in order.
    private(set) var waiting: Deque<() -> Void> = []
    /// Subscribers that waited for the scan and are not admitted yet.
    var waiters: WaiterList?
    /// The commands that waited for the scan's log, while they are run: later ones go behind them.
    var loading: LoadingScan?

    init(_ scan: ScanHome, waiters: WaiterList? = nil) {
        self.scan = scan
        self.waiters = waiters
    }

    /// Whether changes to the scan have to wait.
    var isBusy: Bool { self.scan.isApplying || !self.waiting.isEmpty }

    func wait(_ command: @escaping () -> Void) {
        self.waiting.append(command)
    }

    func popWaiting() -> (() -> Void)? {
        self.waiting.popFirst()
    }

    /// Takes over the waiting commands of an earlier scan of the same name, before its own.
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
    /// The commands that wait for its log, in order; each is told the refusal if it cannot be read.
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
