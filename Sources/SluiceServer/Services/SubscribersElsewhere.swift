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

    /// Adds them to those of this node, to one chunk in each turn of the loop.
    func add(to summaries: EventLoopFuture<[[ScanSummary]]>) -> EventLoopFuture<[[ScanSummary]]> {
        let eventLoop = summaries.eventLoop
        return summaries.and(self.counts(on: eventLoop))
            .flatMap { chunks, counts in
                guard !counts.isEmpty else {
                    return eventLoop.makeSucceededFuture(chunks)
                }
                let promise = eventLoop.makePromise(of: [[ScanSummary]].self)
                Self.add(counts, to: chunks[...], [], promise)
                return promise.futureResult
            }
    }

    private static func add(
        _ counts: [ScanID: Int],
        to chunks: ArraySlice<[ScanSummary]>,
        _ done: [[ScanSummary]],
        _ promise: EventLoopPromise<[[ScanSummary]]>
    ) {
        guard let chunk = chunks.first else {
            promise.succeed(done)
            return
        }
        let summed = chunk.map { summary in
            var summary = summary
            summary.subscriberCount += counts[summary.id] ?? 0
            return summary
        }
        promise.futureResult.eventLoop.nextTurn {
            Self.add(counts, to: chunks.dropFirst(), done + [summed], promise)
        }
    }
}
