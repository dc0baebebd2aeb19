package import NIOCore
internal import SluiceBase

/// The packing of one event loop: all its streams and answers take turns, and a turn of the loop packs a fixed number
/// of bytes of them together, however many there are.
///
/// Loop-confined.
package final class LoopPacker {
    /// The most bytes that are packed in one turn of the loop, and one piece besides; they take about three milliseconds.
    package static let turnBytes = 128 * 1024
    /// The most bytes of a piece.
    package static let pieceBytes = 64 * 1024

    private struct Job {
        var byteCount: Int
        var run: () -> Void
    }

    private let eventLoop: any EventLoop
    private var jobs = CircularBuffer<Job>()
    /// How many bytes were packed in this turn of the loop.
    private var spentBytes = 0
    private var isScheduled = false

    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Counts a piece that may be packed at once: no job waits, and this turn has room for it.
    ///
    /// Returns whether it may.
    package func mayPack(_ byteCount: Int) -> Bool {
        guard self.jobs.isEmpty, byteCount <= Self.pieceBytes, self.spentBytes + byteCount <= Self.turnBytes else {
            return false
        }
        self.spentBytes += byteCount
        self.schedule()
        return true
    }

    /// Runs the packing of a piece, in a later turn of the loop.
    package func later(_ byteCount: Int, _ run: @escaping () -> Void) {
        self.jobs.append(Job(byteCount: byteCount, run: run))
        self.schedule()
    }

    private func schedule() {
        guard !self.isScheduled else {
            return
        }
        self.isScheduled = true
        self.eventLoop.nextTurn { self.takeTurn() }
    }

    private func takeTurn() {
        self.isScheduled = false
        self.spentBytes = 0
        // Jobs that come out of these have their turn later.
        var count = self.jobs.count
        while count > 0, self.spentBytes < Self.turnBytes, let job = self.jobs.popFirst() {
            count -= 1
            self.spentBytes += job.byteCount
            job.run()
        }
        if self.spentBytes > 0 {
            self.schedule()
        }
    }
}
