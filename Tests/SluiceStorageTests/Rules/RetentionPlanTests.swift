import Testing

@testable import SluiceStorage

/// The order of removal when there is not enough room.
@Suite
struct RetentionPlanTests {
    private let mebibyte = 1024 * 1024
    private let plan = RetentionPlan(limit: 64 * 1024 * 1024)

    /// The excess of ``full(_:)``: there are 56 MiB beside the log, of which a sixteenth must be free.
    private let excess = (60 - 56) * 1024 * 1024 + 56 * 1024 * 1024 / 16

    private func full(_ change: (inout StoreTotals) -> Void) -> StoreUsage {
        var usage = StoreUsage(pageBytes: 60 * self.mebibyte, freeBytes: 0, fileBytes: 60 * self.mebibyte)
        change(&usage.totals)
        return usage
    }

    @Test("Snapshots go before messages, kept messages beyond their half before ordinary ones, then removed scans")
    func order() {
        let ordinary = 30 * self.mebibyte
        func next(_ totals: StoreTotals) -> RetentionPlan.Step { self.plan.next(self.full { $0 = totals }) }
        #expect(next(StoreTotals(snapshotBytes: 1)) == .deleteSnapshots(self.excess))
        #expect(next(StoreTotals(ordinaryBytes: ordinary, snapshotBytes: 1)) == .deleteSnapshots(self.excess))
        #expect(next(StoreTotals(ordinaryBytes: ordinary, keptBytes: ordinary)) == .deleteKept(2 * self.mebibyte))
        #expect(next(StoreTotals(ordinaryBytes: ordinary, keptBytes: 100)) == .deleteOrdinary(self.excess))
        #expect(next(StoreTotals(keptBytes: 100)) == .deleteScan(self.excess))
        #expect(next(StoreTotals()) == .doNothing)
    }

    @Test("Snapshots and answers have a budget of their own, also while there is room")
    func budgets() {
        var usage = StoreUsage(pageBytes: 20 * self.mebibyte, fileBytes: 20 * self.mebibyte)
        usage.totals.ordinaryBytes = 10 * self.mebibyte
        #expect(self.plan.next(usage) == .doNothing)
        usage.totals.snapshotBytes = 4 * self.mebibyte
        #expect(self.plan.next(usage) == .deleteSnapshots(self.mebibyte / 2))
        usage.totals.snapshotBytes = 0
        usage.totals.answerBytes = 4 * self.mebibyte
        #expect(self.plan.next(usage) == .deleteAnswers(self.mebibyte / 2))
    }

    @Test("What SQLite keeps free and its log count: both are given back")
    func overhead() {
        var usage = StoreUsage(pageBytes: 50 * self.mebibyte, fileBytes: 50 * self.mebibyte)
        usage.totals.ordinaryBytes = 40 * self.mebibyte
        #expect(self.plan.next(usage) == .doNothing)
        usage.freeBytes = 20 * self.mebibyte
        #expect(self.plan.next(usage) == .giveBackPages)
        usage.freeBytes = self.mebibyte
        usage.logBytes = 12 * self.mebibyte
        #expect(self.plan.next(usage) == .trimLog)
        usage.logBytes = 7 * self.mebibyte
        #expect(self.plan.next(usage) == .doNothing)
        usage.otherBytes = 8 * self.mebibyte
        usage.pageBytes = 45 * self.mebibyte
        // The file is cut only when the log has been copied back.
        #expect(self.plan.next(usage) == .trimLog)
        usage.fileBytes = usage.pageBytes
        usage.freeBytes = 8 * self.mebibyte
        usage.otherBytes = 13 * self.mebibyte
        #expect(self.plan.next(usage) == .giveBackPages)
    }

    @Test(
        "The shares fit into the limit, whatever it is",
        arguments: [1, 1 << 20, 2 << 20, 16 << 20, 1 << 30, 1 << 40]
    )
    func shares(limit: Int) {
        let plan = RetentionPlan(limit: limit)
        let room = plan.room(beside: 300_000)
        #expect(room >= 256 * 1024)
        #expect(room == 256 * 1024 || room + plan.logBytes + 300_000 <= limit)
        #expect(plan.snapshotBytes <= plan.snapshotBudget(room) && plan.snapshotBytes <= 256 * 1024)
        #expect(plan.checkpointPages * 4096 <= plan.logBytes && plan.slack(room) < room / 8)
    }
}
