internal import SluiceRelay

/// The server's metrics: connections, refusals, the configuration and the process.
extension MetricsText {
    mutating func server(_ values: MetricsValues) {
        self.gauge(
            "sluice_connections",
            "Live connections: sockets, streams, open uploads.",
            Double(values.connections)
        )
        self.gauge("sluice_transports", "TCP connections.", Double(values.transports))
        self.gauge("sluice_http2_transports", "TCP connections that speak HTTP/2.", Double(values.server.http2Open))
        self.counter(
            "sluice_http2_handshakes_total",
            "TLS handshakes that chose HTTP/2.",
            Double(values.server.http2Opened)
        )
        self.gauge("sluice_request_bytes", "Bytes of requests that are held.", Double(values.requestBytes))
        self.gauge("sluice_facet_bytes", "Bytes of findings' counts that are kept.", Double(values.facets.bytes))
        self.counter(
            "sluice_facets_forgotten_total",
            "Scans whose findings' counts were forgotten for want of room.",
            Double(values.facets.forgotten)
        )
        self.load(values)
        let server = values.server
        self.samples("sluice_connections_open", "gauge", "Live connections, by kind.", by: "kind", server.open)
        self.samples(
            "sluice_connections_opened_total",
            "counter",
            "Live connections opened, by kind.",
            by: "kind",
            server.opened
        )
        self.samples(
            "sluice_connections_closed_total",
            "counter",
            "Live connections closed, by close code.",
            by: "code",
            server.closed
        )
        self.samples("sluice_refused_total", "counter", "Refusals, by code.", by: "code", server.refused)
        self.samples(
            "sluice_tls_handshakes_total",
            "counter",
            "TLS handshakes, by how they ended.",
            by: "result",
            server.handshakes
        )
        self.application(values.application ?? .init())
        self.proxy(values.proxy)
        self.hooks(values.hooks)
        self.counter(
            "sluice_log_lines_dropped_total",
            "Lines of the log that nobody took in time.",
            Double(values.droppedLogLines)
        )
        self.counter("sluice_client_frames_total", "Frames that clients sent.", Double(values.server.clientFrames))
        self.certificates(values)
        self.configuration(values)
        self.gauge("sluice_draining", "Whether the gateway is about to stop.", values.isDraining ? 1 : 0)
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

    private mutating func certificates(_ values: MetricsValues) {
        if let end = values.certificateEndsAt {
            self.gauge(
                "sluice_certificate_expiry_timestamp_seconds",
                "When the certificate ends, in seconds since 1970.",
                end
            )
        }
        self.samples(
            "sluice_acme_orders_total",
            "counter",
            "Certificates ordered of an authority, by what came of it.",
            by: "result",
            ["issued": values.orders.issued, "failed": values.orders.failed]
        )
    }

    private mutating func configuration(_ values: MetricsValues) {
        self.gauge(
            "sluice_config_last_reload_successful",
            "Whether the configuration that was read last is in force.",
            values.server.isReloadFailed ? 0 : 1
        )
        self.gauge(
            "sluice_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was taken over, in seconds since 1970.",
            values.server.configuredAt
        )
        self.samples("sluice_build_info", "gauge", "What runs here.", [([("version", Release.version)], 1)])
    }

    private mutating func application(_ counts: ApplicationJudge.Counts) {
        self.samples(
            "sluice_auth_forward_total",
            "counter",
            "Visitors that the application was to judge, by what came of it.",
            by: "result",
            [
                "admitted": counts.admitted, "refused": counts.refused, "unavailable": counts.unavailable,
                "cached": counts.cached,
            ]
        )
    }

    private mutating func proxy(_ counts: ProxyServices.Counts) {
        self.gauge("sluice_proxy_requests_open", "Requests and tunnels on routes.", Double(counts.openCount))
        self.counter("sluice_proxy_requests_total", "Requests on routes.", Double(counts.requestCount))
        self.counter("sluice_proxy_retries_total", "Requests that were sent once more.", Double(counts.retryCount))
        self.counter(
            "sluice_proxy_connect_failures_total",
            "Connections to upstreams that did not come up.",
            Double(counts.failureCount)
        )
    }

    private mutating func hooks(_ counts: HookSchedule.Counts) {
        self.samples(
            "sluice_hook_deliveries_total",
            "counter",
            "Deliveries to receivers of hooks, by their end.",
            by: "result",
            ["delivered": counts.delivered, "given_up": counts.givenUp, "dropped": counts.dropped]
        )
        self.counter(
            "sluice_hook_failed_attempts_total",
            "Failed attempts to deliver to receivers of hooks.",
            Double(counts.failed)
        )
        self.gauge("sluice_hooks_waiting", "Deliveries that wait for receivers of hooks.", Double(counts.waiting))
        self.gauge("sluice_hook_waiting_bytes", "Bytes of deliveries that wait.", Double(counts.waitingBytes))
    }

    /// The metrics of a process as Prometheus' own clients name them.
    mutating func process(_ load: MachineLoad) {
        self.counter(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            load.processorSeconds
        )
        self.gauge("process_open_fds", "Number of open file descriptors.", Double(load.openDescriptors))
        self.gauge("process_max_fds", "Maximum number of open file descriptors.", Double(load.descriptorLimit))
        self.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", Double(load.residentBytes))
        self.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", Double(load.virtualBytes))
        if let start = ProcessStart.seconds {
            self.gauge(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                start
            )
        }
    }
}
