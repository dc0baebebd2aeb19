import NIOCore
package import SluiceBase
package import SluiceRelay

/// Counters of the feeds of one loop.
///
/// Loop-confined.
package final class FeedCounts {
    package var voidRecords = 0
    package var overtakenDrafts = 0
    package var repeatedDrafts = 0
    package var failedDrafts = 0
    package var carries = 0
    /// Scans that drafts of this loop began and ended.
    package var changes = ScanChanges()
    package var appendTimes = Histogram(bounds: Histogram.timeBounds)

    private var number: UInt64 = 0

    package init() {}

    /// A number in base 36 that no other record of the loop has.
    func makeNumber() -> String {
        self.number += 1
        return String(self.number, radix: 36)
    }
}

/// The caller that waits for a draft to be written.
struct EngineAppend {
    var promise: EventLoopPromise<AppendOutcome>

    /// Settles in a later task, so that nothing is called back from within a call to the engine.
    func settleLater(_ outcome: AppendOutcome) {
        let promise = self.promise
        promise.futureResult.eventLoop.execute { promise.succeed(outcome) }
    }
}
