internal import SluiceBase
internal import SluiceRelay

/// The relay's metrics: messages, frames, groups and loops.
extension MetricsText {
    mutating func relay(_ values: MetricsValues) {
        let homes = values.homes
        self.gauge("sluice_scans", "Scans held.", Double(values.scans))
        self.counter("sluice_messages_accepted_total", "Messages numbered.", homes.sum(\.acceptedMessages))
        self.counter("sluice_message_bytes_accepted_total", "Bytes of messages numbered.", homes.sum(\.acceptedBytes))
        self.counter(
            "sluice_messages_conflated_total",
            "Messages superseded while pending, in all groups.",
            homes.sum(\.conflatedMessages)
        )
        self.counter(
            "sluice_messages_filtered_total",
            "Messages that groups did not ask for.",
            homes.sum(\.filteredMessages)
        )
        self.counter(
            "sluice_messages_skipped_total",
            "Messages announced as lost by lag frames.",
            homes.sum(\.skippedMessages)
        )
        self.replays(homes)
        self.counter("sluice_frames_made_total", "Frames encoded, each for a whole group.", homes.sum(\.framesMade))
        self.counter("sluice_rate_changes_total", "Subscribers slowed or let go faster.", homes.sum(\.rateChanges))
        self.counter("sluice_scans_removed_total", "Scan channels removed.", homes.sum(\.removedScans))
        self.samples(
            "sluice_lag_frames_total",
            "counter",
            "Lag frames made, by reason.",
            LagNotice.Reason.allCases.map { reason in
                ([("reason", reason.rawValue)], Double(homes.reduce(0) { $0 + ($1.lagFrames[reason] ?? 0) }))
            }
        )
        self.groups(homes)
        self.loops(values)
        self.memory(values)
    }

    private mutating func groups(_ homes: [HomeCounts]) {
        self.counter(
            "sluice_deflate_input_bytes_total",
            "Bytes of frames that compressors took, once for each group.",
            homes.sum(\.deflateInputBytes)
        )
        self.counter(
            "sluice_deflate_output_bytes_total",
            "Bytes that compressors made of them.",
            homes.sum(\.deflateOutputBytes)
        )
        self.histogram(
            "sluice_batch_messages",
            "Messages in each frame of live messages, once for each group.",
            homes.map(\.batchSizes),
            bounds: Histogram.countBounds
        )
        self.histogram(
            "sluice_catch_up_seconds",
            "How long subscribers that lacked something read history until they had it.",
            homes.map(\.catchUps),
            bounds: Histogram.timeBounds
        )
        self.gauge("sluice_delivery_groups", "Groups of subscribers on equal terms.", homes.sum(\.groups))
        self.gauge(
            "sluice_subscriptions_behind",
            "Subscriptions that read history on their own.",
            homes.sum(\.behindSubscribers)
        )
        self.gauge("sluice_pending_messages", "Messages that wait in groups.", homes.sum(\.pendingMessages))
        self.gauge("sluice_pending_bytes", "Bytes of messages that wait in groups.", homes.sum(\.pendingBytes))
    }

    private mutating func loops(_ values: MetricsValues) {
        let loops = values.loops
        self.gauge("sluice_subscriptions", "Subscriptions open.", loops.sum(\.subscribers))
        self.counter("sluice_frames_delivered_total", "Frames written.", loops.sum(\.counts.deliveredFrames))
        self.counter("sluice_messages_delivered_total", "Messages written.", loops.sum(\.counts.deliveredMessages))
        self.counter(
            "sluice_bytes_delivered_total",
            "Bytes of frames, uncompressed.",
            loops.sum(\.counts.deliveredBytes)
        )
        self.counter(
            "sluice_bytes_written_total",
            "Bytes handed to connections, compressed where the client takes that.",
            loops.sum(\.counts.writtenBytes)
        )
        self.counter("sluice_writes_total", "Writes to connections.", loops.sum(\.counts.writes))
        self.counter("sluice_fell_behind_total", "Subscribers whose socket was full.", loops.sum(\.counts.fellBehind))
        self.gauge("sluice_full_sockets", "Connections whose socket takes no more for now.", loops.sum(\.fullSockets))
        self.gauge("sluice_buffered_bytes", "Bytes that wait for full sockets.", loops.sum(\.waitingBytes))
        self.histogram(
            "sluice_delivery_seconds",
            "Age of the oldest message of each live write, from its arrival, once for each subscriber.",
            loops.map(\.counts.latencies),
            bounds: Histogram.timeBounds
        )
        self.histogram(
            "sluice_event_loop_lag_seconds",
            "How late the event loops' timers rang, four times a second each.",
            [values.loopLags],
            bounds: Histogram.timeBounds
        )
    }

    private mutating func memory(_ values: MetricsValues) {
        self.gauge("sluice_idempotency_keys", "Idempotency keys remembered.", Double(values.idempotencyKeys))
        self.counter(
            "sluice_idempotency_keys_forgotten_total",
            "Idempotency keys forgotten before their time, for want of room.",
            Double(values.idempotencyKeysForgotten)
        )
        self.gauge("sluice_compressor_bytes", "Memory of all compressors.", Double(values.compressorBytes))
        self.counter(
            "sluice_compressors_refused_total",
            "Groups that went uncompressed for want of memory.",
            Double(values.compressorsRefused)
        )
    }

    private mutating func replays(_ homes: [HomeCounts]) {
        self.counter("sluice_messages_replayed_total", "Messages sent out of history.", homes.sum(\.replayedMessages))
        self.counter(
            "sluice_pages_encoded_total",
            "Pages of catch-up encoded, each once for all who read it meanwhile.",
            homes.sum(\.encodedPages)
        )
    }
}
