internal import SluiceBase
internal import SluiceRelay

/// The storage's metrics.
extension MetricsText {
    mutating func store(_ store: StoreStatus, _ homes: [HomeCounts]) {
        self.gauge("sluice_storage_up", "Whether the storage works.", store.isUp ? 1 : 0)
        self.gauge("sluice_storage_bytes", "Bytes of the storage's files.", Double(store.diskBytes))
        self.gauge("sluice_storage_waiting_writes", "Writes not durable yet.", Double(store.waitingWrites))
        self.gauge("sluice_storage_waiting_bytes", "Bytes of writes not durable yet.", Double(store.waitingBytes))
        self.counter("sluice_storage_messages_total", "Messages made durable.", Double(store.storedMessages))
        self.counter("sluice_storage_commits_total", "Groups of writes made durable.", Double(store.commits))
        self.histogram(
            "sluice_storage_commit_seconds",
            "How long each group of writes took to be durable.",
            [store.commitTimes],
            bounds: Histogram.timeBounds
        )
        self.counter("sluice_storage_failed_writes_total", "Writes that were not stored.", Double(store.failedWrites))
        self.counter(
            "sluice_storage_page_reads_total",
            "Pages of catch-up read, each once for all who read it meanwhile.",
            homes.sum(\.storedPages)
        )
        self.counter("sluice_storage_failed_reads_total", "Reads that failed.", Double(store.failedReads))
        self.counter("sluice_storage_damaged_total", "Messages found damaged.", Double(store.damagedMessages))
        self.counter("sluice_storage_expired_total", "Messages that retention removed.", Double(store.expiredMessages))
        self.counter(
            "sluice_storage_busy_checkpoints_total",
            "How often the log was not cut off, because another process reads.",
            Double(store.busyCheckpoints)
        )
        self.counter(
            "sluice_storage_clock_steps_total",
            "How often the clock was set by more than a minute.",
            Double(store.clockSteps)
        )
    }
}
