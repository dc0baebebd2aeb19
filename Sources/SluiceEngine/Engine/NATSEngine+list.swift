internal import Logging
package import NIOCore
import SluiceBase
package import SluiceRelay
internal import Synchronization

/// What is known of all scans: which there are, and of which the streams are about to lose what must not be lost.
extension NATSEngine {
    /// How often it is asked what the streams will lose next.
    private static let ageInterval = TimeAmount.seconds(5)
    /// How old a list of scans may be.
    private static let listLifetime = TimeAmount.seconds(2)
    /// A list for chores may be this many times as old as it took to make.
    private static let choreLifetime: Int64 = 10

    package func list(promise: EventLoopPromise<[RecordHeader]>) {
        self.list(ListWaiter(promise: promise, isWhole: true))
    }

    package func listReachable(promise: EventLoopPromise<[RecordHeader]>) {
        self.list(ListWaiter(promise: promise, isWhole: false))
    }

    /// So that it is known how many scans there are, whatever list there is.
    func listAnew() {
        let first = self.homes[0].eventLoop
        self.list(ListWaiter(promise: first.makePromise(), isWhole: true), newerThan: .zero)
    }

    /// One list is made at a time; who asks meanwhile gets it, too.
    private func list(_ waiter: ListWaiter, newerThan lifetime: TimeAmount = NATSEngine.listLifetime) {
        let first = self.homes[0]
        first.eventLoop.execute {
            let now = first.eventLoop.now
            if let listed = self.shared.withLock({ $0.listed }),
                now - listed.at < max(lifetime, waiter.isWhole ? .zero : listed.time * Self.choreLifetime)
            {
                waiter.promise.succeed(listed.heads)
                return
            }
            let isFirst = self.shared.withLock { shared in
                shared.listWaiters.append(waiter)
                guard shared.listWaiters.count == 1 else { return false }
                shared.tellTally(own: self.instance, now: now)
                shared.tally.begin(now: now)
                return true
            }
            guard isFirst else { return }
            self.list(from: 0, [], isWhole: true) { heads, isWhole in
                let waiters = self.shared.withLock { shared in
                    shared.tellTally(own: self.instance, now: first.eventLoop.now)
                    shared.tally.end(count: isWhole ? heads.count : nil, now: first.eventLoop.now)
                    if isWhole {
                        shared.listed = Listing(heads: heads, at: now, time: first.eventLoop.now - now)
                    }
                    let waiters = shared.listWaiters
                    shared.listWaiters = []
                    return waiters
                }
                for waiter in waiters {
                    if isWhole || !waiter.isWhole {
                        waiter.promise.succeed(heads)
                    } else {
                        waiter.promise.fail(RelayRefusal.storageUnavailable)
                    }
                }
            }
        }
    }

    /// Shards without a leader are left out.
    private func list(
        from shard: Int,
        _ earlier: [RecordHeader],
        isWhole: Bool,
        then: @escaping ([RecordHeader], _ isWhole: Bool) -> Void
    ) {
        guard shard < self.configuration.subjects.shardCount else {
            then(earlier, isWhole)
            return
        }
        let engine = self.homes[0].engine.value
        guard engine.leaders.isNotMissed(shard, now: engine.eventLoop.now) else {
            self.notListed(shard, "its leader is not heard")
            self.list(from: shard + 1, earlier, isWhole: false, then: then)
            return
        }
        engine.stream.heads(ofShard: shard) { result in
            switch result {
            case .success(let heads):
                self.list(from: shard + 1, earlier + heads, isWhole: isWhole, then: then)
            case .failure(let failure):
                self.notListed(shard, "\(failure)")
                self.list(from: shard + 1, earlier, isWhole: false, then: then)
            }
        }
    }

    private func notListed(_ shard: Int, _ why: String) {
        self.logger.debug("the scans of a shard cannot be listed", metadata: ["shard": "\(shard)", "error": "\(why)"])
    }

    // MARK: What the streams will lose

    package func isOld(_ header: RecordHeader) -> Bool { self.isOld(header.id, base: header.base) }

    func isOld(_ id: ScanID, base: UInt64) -> Bool {
        let shard = self.configuration.subjects.shard(of: id)
        return self.shared.withLock { shard < $0.oldBefore.count && base < $0.oldBefore[shard] }
    }

    func lookForOldLater() {
        self.later(on: self.homes[0].eventLoop, Self.ageInterval) {
            self.lookForOld(from: 0, [])
            self.lookForOldLater()
        }
    }

    private func lookForOld(from shard: Int, _ earlier: [UInt64]) {
        guard shard < self.configuration.subjects.shardCount else {
            self.shared.withLock { $0.oldBefore = earlier }
            for home in self.homes {
                home.eventLoop.execute { home.engine.value.repeatOld() }
            }
            return
        }
        let engine = self.homes[0].engine.value
        guard engine.isReady else { return }
        let age = self.configuration.retention.maximumAge.nanoseconds / 2_000_000
        let time = WallTime(milliseconds: self.wallClock().milliseconds - age)
        engine.stream.oldPart(ofShard: shard, olderThan: time) { sequence in
            // What is not answered stays as it was.
            let before = self.shared.withLock { shard < $0.oldBefore.count ? $0.oldBefore[shard] : 0 }
            self.lookForOld(from: shard + 1, earlier + [sequence ?? before])
        }
    }
}
