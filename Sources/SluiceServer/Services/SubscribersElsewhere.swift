internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay
internal import Synchronization

/// How many subscribers scans have on the other nodes, asked for at most once a second.
final class SubscribersElsewhere: Sendable {
    private static let lifetime = TimeAmount.seconds(1)

    private let peers: any Peers
    private let kept = Mutex<(counts: EventLoopFuture<[ScanID: Int]>, at: NIODeadline)?>(nil)

    init(_ peers: any Peers) {
        self.peers = peers
    }

    func counts(on eventLoop: any EventLoop) -> EventLoopFuture<[ScanID: Int]> {
        let now = eventLoop.now
        let promise = eventLoop.makePromise(of: [ScanID: Int].self)
        let known = self.kept.withLock { kept -> EventLoopFuture<[ScanID: Int]>? in
            if let kept, now < kept.at + Self.lifetime {
                return kept.counts
            }
            kept = (promise.futureResult, now)
            return nil
        }
        if let known {
            promise.completeWith(known)
        } else {
            self.peers.subscribersElsewhere { promise.succeed($0) }
        }
        return promise.futureResult
    }

    /// Adds them to those of this node.
    func add(to summaries: EventLoopFuture<[[ScanSummary]]>) -> EventLoopFuture<[[ScanSummary]]> {
        summaries.and(self.counts(on: summaries.eventLoop))
            .map { chunks, counts in
                guard !counts.isEmpty else {
                    return chunks
                }
                return chunks.map { chunk in
                    chunk.map { summary in
                        var summary = summary
                        summary.subscriberCount += counts[summary.id] ?? 0
                        return summary
                    }
                }
            }
    }
}
