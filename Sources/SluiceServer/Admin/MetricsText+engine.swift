internal import SluiceBase
internal import SluiceRelay

/// What the log that several gateways share did.
extension MetricsText {
    mutating func engine(_ engine: EngineStatus) {
        self.samples(
            "sluice_engine_up",
            "gauge",
            "Whether a part of the shared log takes appends.",
            engine.shards.enumerated().map { ([("shard", String($0.offset))], $0.element ? 1 : 0) }
        )
        self.histogram(
            "sluice_engine_append_seconds",
            "How long each record took until it was read back at its place.",
            [engine.appendTimes],
            bounds: Histogram.timeBounds
        )
        self.counter("sluice_engine_void_records_total", "Records that did not count.", Double(engine.voidRecords))
        self.counter(
            "sluice_engine_overtaken_drafts_total",
            "Records that another gateway's came before, judged again.",
            Double(engine.overtakenDrafts)
        )
        self.counter(
            "sluice_engine_repeated_drafts_total",
            "Records written once more for want of an answer.",
            Double(engine.repeatedDrafts)
        )
        self.counter("sluice_engine_failed_drafts_total", "Records not confirmed in time.", Double(engine.failedDrafts))
        self.counter("sluice_engine_reconnects_total", "Connections made anew.", Double(engine.reconnects))
        self.counter("sluice_engine_elections_total", "Leaders of parts of the log elected.", Double(engine.elections))
        self.gauge("sluice_engine_open_scans", "Scans that this gateway follows.", Double(engine.openScans))
        self.gauge("sluice_engine_nodes", "Gateways that share the log.", Double(engine.nodes))
    }
}
