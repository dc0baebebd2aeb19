internal import Logging
internal import NIOCore
internal import SluiceAdmission
internal import Synchronization

/// What the requests on routes share, on all event loops.
final class ProxyServices: Sendable {
    /// The counts so far.
    struct Counts: Sendable {
        /// Requests and tunnels under way.
        var openCount = 0
        /// Requests that were passed on.
        var requestCount = 0
        /// Requests that were sent once more.
        var retryCount = 0
        /// Connections to upstreams that did not come up.
        var failureCount = 0
    }

    private struct State {
        var table: ProxyRouteTable
        var board = UpstreamBoard()
        var counts = Counts()
        /// Upstreams of which something was logged, each with its next time.
        var told: [String: NIODeadline] = [:]
    }

    /// How often trouble with one upstream is logged at most.
    private static let logInterval = TimeAmount.seconds(10)

    private let state: Mutex<State>
    private let logger: Logger

    init(_ table: ProxyRouteTable, logger: Logger) {
        self.state = Mutex(State(table: table))
        self.logger = logger
    }

    var counts: Counts { self.state.withLock { $0.counts } }

    /// Other routes hold for the requests from now on.
    func replace(_ table: ProxyRouteTable) {
        self.state.withLock { state in
            state.table = table
            state.told = [:]
        }
    }

    /// The route of a target; nil if there is none.
    func route(of target: String) -> ProxyRoute? {
        self.state.withLock { $0.table.route(of: target) }
    }

    /// A request wants to be passed on; it counts until ``leave()``.
    ///
    /// - Returns: Whether there are fewer than `limit`.
    func enter(limit: Int) -> Bool {
        self.state.withLock { state in
            guard state.counts.openCount < limit else {
                return false
            }
            state.counts.openCount += 1
            state.counts.requestCount += 1
            return true
        }
    }

    /// A request is over.
    func leave() {
        self.state.withLock { $0.counts.openCount -= 1 }
    }

    /// Takes the upstream that gets a request, until it is released.
    func take(of route: ProxyRoute, except tried: Set<String>, now: NIODeadline) -> ProxyRoute.Upstream? {
        let names = route.upstreams.map(\.name)
        let name = self.state.withLock { $0.board.take(among: names, except: tried, now: now) }
        return name.flatMap { name in route.upstreams.first { $0.name == name } }
    }

    func release(_ upstream: ProxyRoute.Upstream) {
        self.state.withLock { $0.board.release(upstream.name) }
    }

    func accepted(_ upstream: ProxyRoute.Upstream) {
        self.state.withLock { $0.board.accepted(upstream.name) }
    }

    /// A connection did not come up.
    func refused(_ upstream: ProxyRoute.Upstream, _ detail: String, now: NIODeadline) {
        self.state.withLock { state in
            state.board.refused(upstream.name, now: now)
            state.counts.failureCount += 1
        }
        self.tell("upstream takes no connection", upstream, detail, request: nil, now: now)
    }

    func retried() {
        self.state.withLock { $0.counts.retryCount += 1 }
    }

    /// Logs trouble with an upstream, now and then.
    func tell(
        _ message: Logger.Message,
        _ upstream: ProxyRoute.Upstream,
        _ detail: String,
        request: String?,
        now: NIODeadline
    ) {
        let isDue = self.state.withLock { state in
            guard state.told[upstream.name].map({ $0 <= now }) ?? true else {
                return false
            }
            state.told[upstream.name] = now + Self.logInterval
            return true
        }
        if isDue {
            var metadata: Logger.Metadata = ["upstream": "\(upstream.name)", "reason": "\(detail)"]
            metadata["request"] = request.map { "\($0)" }
            self.logger.warning(message, metadata: metadata)
        }
    }
}
