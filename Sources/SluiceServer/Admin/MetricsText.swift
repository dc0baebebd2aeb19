internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// The metrics as Prometheus reads them (text exposition format 0.0.4).
struct MetricsText {
    private var text = ""

    /// One sample, with its labels.
    typealias Sample = (labels: [(String, String)], value: Double)

    /// The whole page.
    static func page(_ values: MetricsValues) -> ByteBuffer {
        var text = MetricsText()
        text.relay(values)
        text.server(values)
        if let store = values.store {
            text.store(store, values.homes)
        }
        return ByteBuffer(string: text.text)
    }

    private mutating func relay(_ values: MetricsValues) {
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
        let loops = values.loops
        self.gauge("sluice_subscriptions", "Subscriptions open.", Double(loops.reduce(0) { $0 + $1.subscribers }))
        self.counter("sluice_frames_delivered_total", "Frames written.", loops.sum(\.counts.deliveredFrames))
        self.counter("sluice_messages_delivered_total", "Messages written.", loops.sum(\.counts.deliveredMessages))
        self.counter(
            "sluice_bytes_delivered_total",
            "Bytes of frames, uncompressed.",
            loops.sum(\.counts.deliveredBytes)
        )
        self.counter("sluice_writes_total", "Writes to connections.", loops.sum(\.counts.writes))
        self.counter("sluice_fell_behind_total", "Subscribers whose socket was full.", loops.sum(\.counts.fellBehind))
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

    private mutating func server(_ values: MetricsValues) {
        self.gauge(
            "sluice_connections",
            "Live connections: sockets, streams, open uploads.",
            Double(values.connections)
        )
        self.gauge("sluice_transports", "TCP connections.", Double(values.transports))
        self.load(values)
        self.samples(
            "sluice_connections_opened_total",
            "counter",
            "Live connections opened, by kind.",
            values.server.opened.sorted { $0.key < $1.key }.map { ([("kind", $0.key)], Double($0.value)) }
        )
        self.samples(
            "sluice_connections_closed_total",
            "counter",
            "Live connections closed, by close code.",
            values.server.closed.sorted { $0.key < $1.key }.map { ([("code", $0.key)], Double($0.value)) }
        )
        self.samples(
            "sluice_refused_total",
            "counter",
            "Refusals, by code.",
            values.server.refused.sorted { $0.key < $1.key }.map { ([("code", $0.key)], Double($0.value)) }
        )
        self.counter("sluice_client_frames_total", "Frames that clients sent.", Double(values.server.clientFrames))
        if let days = values.certificateDaysLeft {
            self.gauge("sluice_certificate_days_left", "Days until the certificate ends.", days)
        }
        self.gauge("sluice_draining", "Whether the gateway is about to stop.", values.isDraining ? 1 : 0)
    }

    private mutating func replays(_ homes: [HomeCounts]) {
        self.counter("sluice_messages_replayed_total", "Messages sent out of history.", homes.sum(\.replayedMessages))
        self.counter(
            "sluice_pages_encoded_total",
            "Pages of catch-up encoded, each once for all who read it meanwhile.",
            homes.sum(\.encodedPages)
        )
    }

    private mutating func load(_ values: MetricsValues) {
        self.gauge("sluice_open_descriptors", "Descriptors open.", Double(values.load.openDescriptors))
        self.gauge("sluice_descriptor_limit", "The most that may be open.", Double(values.load.descriptorLimit))
        self.gauge("sluice_resident_bytes", "Memory that is really there.", Double(values.load.residentBytes))
        if let mark = values.memoryMark {
            self.gauge("sluice_memory_mark_bytes", "Resident memory at which nobody new is taken.", Double(mark))
        }
        self.gauge(
            "sluice_shedding",
            "Whether new connections are refused for want of descriptors or memory.",
            values.isShedding ? 1 : 0
        )
    }

    private mutating func store(_ store: StoreStatus, _ homes: [HomeCounts]) {
        self.gauge("sluice_storage_up", "Whether the storage works.", store.isUp ? 1 : 0)
        self.gauge("sluice_storage_bytes", "Bytes of the storage's files.", Double(store.diskBytes))
        self.gauge("sluice_storage_waiting_writes", "Writes not durable yet.", Double(store.waitingWrites))
        self.gauge("sluice_storage_waiting_bytes", "Bytes of writes not durable yet.", Double(store.waitingBytes))
        self.counter("sluice_storage_messages_total", "Messages made durable.", Double(store.storedMessages))
        self.counter("sluice_storage_commits_total", "Groups of writes made durable.", Double(store.commits))
        self.counter("sluice_storage_commit_seconds_total", "Time that commits took.", store.commitSeconds)
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
            "sluice_storage_clock_steps_total",
            "How often the clock was set by more than a minute.",
            Double(store.clockSteps)
        )
    }

    private mutating func counter(_ name: String, _ help: String, _ value: Double) {
        self.samples(name, "counter", help, [([], value)])
    }

    private mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        self.samples(name, "gauge", help, [([], value)])
    }

    private mutating func samples(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
            self.text += labels.isEmpty ? name : "\(name){\(labels)}"
            self.text += " \(Self.number(sample.value))\n"
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(clamping: value)) : String(value)
    }

    private static func escaped(_ label: String) -> String {
        // Scalars, as a newline behind a carriage return is no character of its own.
        label.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Array {
    /// The sum of a count over all accounts.
    fileprivate func sum(_ count: (Element) -> Int) -> Double {
        Double(self.reduce(0) { $0 + count($1) })
    }
}
