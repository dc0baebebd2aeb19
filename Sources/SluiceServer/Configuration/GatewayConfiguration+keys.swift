internal import NIOCore
internal import SluiceAdmission
internal import SluiceRelay

extension GatewayConfiguration {
    /// Every key of the file, in the order of the example.
    static let knownKeys: [ConfigurationKey] =
        listenerKeys + proxyKeys + authKeys + relayKeys + clientKeys + limitKeys + operationKeys + engineKeys

    /// Every key with its default, its environment variable and what it does, as a table in Markdown.
    package static var reference: String {
        let rows = self.knownKeys.map { key in
            let text = (KeyTexts.all[key.path] ?? "").split(separator: "|").joined(separator: "\\|")
            return "| `\(key.path)` | `\(key.defaultText)` | `\(key.variable)` | \(text) |"
        }
        let head = ["| Key | Default | Variable | What it does |", "|---|---|---|---|"]
        return (head + rows).joined(separator: "\n")
    }

    /// Nothing that a connection waits for takes longer; a value beyond it is a slip of the unit.
    private static let day = TimeAmount.hours(24)
    private static let timeout = ConfigurationKind<TimeAmount>.duration(atLeast: .milliseconds(1), atMost: day)
    /// Of units a second.
    private static let rate = ConfigurationKind<Double>.number(0.001...1_000_000_000)

    private static let listenerKeys: [ConfigurationKey] = [
        ConfigurationKey("listen.host", \.listen.host, .host),
        ConfigurationKey("listen.port", \.listen.port, .port),
        ConfigurationKey("listen.plaintext", \.listen.plaintext, .boolean),
        ConfigurationKey(
            "listen.trusted_proxies",
            \.listen.trustedProxies,
            .list(.addressBlock, "a list of addresses such as [\"10.0.0.0/8\"]")
        ),
        ConfigurationKey("listen.proxy_protocol", \.listen.proxyProtocol, .boolean),
        ConfigurationKey("listen.unix", \.listen.unix, .optional(.path)),
        ConfigurationKey("listen.redirect_http.port", \.listen.redirectHTTP.port, .optional(.port)),
        ConfigurationKey("listen.redirect_http.to", \.listen.redirectHTTP.target, .optional(.integer(1...65_535))),
        ConfigurationKey("listen.event_loops", \.listen.eventLoops, .optional(.integer(1...1024))),
        ConfigurationKey("listen.http2.enabled", \.listen.http2.enabled, .boolean),
        ConfigurationKey("listen.http2.max_streams", \.listen.http2.maxStreams, .integer(1...1_000_000)),
        ConfigurationKey("listen.http2.websocket", \.listen.http2.webSocket, .boolean),
        ConfigurationKey("tls.certificate", \.tls.certificate, .optional(.path)),
        ConfigurationKey("tls.private_key", \.tls.privateKey, .optional(.path)),
        ConfigurationKey("tls.certificates", \.tls.certificates, .list(.certificateFiles, "a list of certificates")),
        ConfigurationKey("tls.minimum_version", \.tls.minimumVersion, .choice),
        ConfigurationKey("tls.client_ca", \.tls.clientCA, .optional(.path)),
        ConfigurationKey("tls.acme.directory", \.tls.acme.directory, .optional(.acmeDirectory)),
        ConfigurationKey("tls.acme.email", \.tls.acme.email, .optional(.email)),
        ConfigurationKey("tls.acme.domains", \.tls.acme.domains, .list(.domain, "a list of names")),
        ConfigurationKey("tls.acme.folder", \.tls.acme.folder, .path),
        ConfigurationKey("tls.acme.challenge", \.tls.acme.challenge, .choice),
        ConfigurationKey("tls.acme.ca", \.tls.acme.ca, .optional(.path)),
        ConfigurationKey("tls.acme.agree_to_terms", \.tls.acme.agreeToTerms, .boolean),
        ConfigurationKey("admin.host", \.admin.host, .host),
        ConfigurationKey("admin.port", \.admin.port, .port),
        ConfigurationKey("origins", \.origins, .list(.origin, "a list of origins such as [\"https://a.example\"]")),
    ]

    private static let proxyKeys: [ConfigurationKey] = [
        ConfigurationKey("console.path", \.console.path, .optional(.urlPath)),
        ConfigurationKey("proxy.routes", \.proxy.routes, .list(.route, "a list of routes")),
        ConfigurationKey("proxy.max_body_bytes", \.proxy.maxBodyBytes, .optional(.size(atLeast: 1))),
    ]

    private static let authKeys: [ConfigurationKey] = [
        ConfigurationKey("auth.issuer", \.auth.issuer, .optional(.line)),
        ConfigurationKey("auth.audience", \.auth.audience, .optional(.line)),
        ConfigurationKey("auth.leeway", \.auth.leeway, .duration(atLeast: .zero, atMost: day)),
        ConfigurationKey("auth.cookie", \.auth.cookie, .optional(.cookieName)),
        ConfigurationKey("auth.query_token", \.auth.queryToken, .boolean),
        ConfigurationKey("auth.claims.subject", \.auth.claims.subject, .claimPath),
        ConfigurationKey("auth.claims.roles", \.auth.claims.roles, .claimPath),
        ConfigurationKey("auth.claims.scans", \.auth.claims.scans, .claimPath),
        ConfigurationKey("auth.claims.scope", \.auth.claims.scope, .claimPath),
        ConfigurationKey("auth.roles.admin", \.auth.claims.adminRoles, .list(.line, "a list of roles such as [admin]")),
        ConfigurationKey("auth.roles.ingest", \.auth.claims.ingestRoles, .list(.line, "a list of roles")),
        ConfigurationKey("auth.oidc.issuer", \.auth.oidc.issuer, .optional(.issuer)),
        ConfigurationKey("auth.oidc.refresh", \.auth.oidc.refresh, .duration(atLeast: .seconds(1))),
        ConfigurationKey("auth.oidc.ca", \.auth.oidc.ca, .optional(.path)),
        ConfigurationKey("auth.forward.url", \.auth.forward.url, .optional(.url)),
        ConfigurationKey(
            "auth.forward.headers",
            \.auth.forward.headers,
            .list(.forwardedField, "a list of fields such as [Cookie, Authorization]")
        ),
        ConfigurationKey("auth.forward.timeout", \.auth.forward.timeout, timeout),
        ConfigurationKey("auth.forward.cache", \.auth.forward.cache, .duration(atLeast: .zero, atMost: .hours(1))),
        ConfigurationKey("auth.forward.recheck", \.auth.forward.recheck, .duration(atLeast: .seconds(1), atMost: day)),
        ConfigurationKey("auth.forward.ca", \.auth.forward.ca, .optional(.path)),
        ConfigurationKey("auth.keys", \.auth.keys, .list(.tokenKey, "a list of keys")),
        ConfigurationKey("auth.jwks.file", \.auth.jwks.file, .optional(.path)),
        ConfigurationKey("auth.jwks.url", \.auth.jwks.url, .optional(.url)),
        ConfigurationKey("auth.jwks.refresh", \.auth.jwks.refresh, .duration(atLeast: .seconds(1))),
        ConfigurationKey("auth.ingest_keys", \.auth.ingestKeys, .list(.ingestKey, "a list of keys")),
    ]

    private static let relayKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "relay.batch_interval",
            \.relay.batchInterval,
            .duration(atLeast: .zero, atMost: .hours(1))
        ),
        ConfigurationKey("relay.max_batch_size", \.relay.maximumBatchCount, .integer(1...1_000_000)),
        ConfigurationKey(
            "relay.max_messages_per_second",
            \.relay.maximumFramesPerSecond,
            .number(0.1...1_000_000, orZero: true)
        ),
        ConfigurationKey("relay.max_pending", \.relay.maximumPendingCount, .count),
        ConfigurationKey("relay.max_pending_bytes", \.relay.maximumPendingBytes, .size(atLeast: 1)),
        ConfigurationKey("relay.framing", \.relay.framing, .choice),
        ConfigurationKey("relay.critical", \.relay.critical, .messageTypes),
        ConfigurationKey("relay.terminal", \.relay.terminal, .messageTypes),
        ConfigurationKey("relay.conflate", \.relay.conflate, .conflation),
        ConfigurationKey("relay.history.messages", \.relay.history.messageCount, .count),
        ConfigurationKey("relay.history.bytes", \.relay.history.bytes, .size(atLeast: 1)),
        ConfigurationKey("relay.history.critical_bytes", \.relay.history.criticalBytes, .size(atLeast: 1)),
        ConfigurationKey("relay.cleanup_delay", \.relay.cleanupDelay, .duration(atLeast: .zero)),
        ConfigurationKey("relay.idle_timeout", \.relay.idleTimeout, .duration(atLeast: .milliseconds(1))),
        ConfigurationKey("relay.stall_after", \.relay.stallAfter, .duration(atLeast: .milliseconds(1))),
    ]

    private static let clientKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "clients.heartbeat_interval",
            \.clients.heartbeatInterval,
            .duration(atLeast: .milliseconds(1), atMost: day)
        ),
        ConfigurationKey("clients.timeout", \.clients.timeout, .duration(atLeast: .milliseconds(1), atMost: day)),
        ConfigurationKey("clients.max_buffered", \.clients.maxBuffered, .size(atLeast: 1)),
        ConfigurationKey("clients.max_subscriptions", \.clients.maxSubscriptions, .count),
        ConfigurationKey("clients.adaptive.lags", \.relay.adaptive.lagCount, .integer(0...1_000_000_000)),
        ConfigurationKey(
            "clients.adaptive.window",
            \.relay.adaptive.window,
            .duration(atLeast: .milliseconds(1), atMost: day)
        ),
        ConfigurationKey("clients.adaptive.minimum_rate", \.relay.adaptive.minimumRate, .number(0.1...1_000_000)),
        ConfigurationKey("compression.permessage_deflate.enabled", \.compression.permessageDeflate.enabled, .boolean),
        ConfigurationKey(
            "compression.permessage_deflate.level",
            \.compression.permessageDeflate.level,
            .integer(0...9)
        ),
        ConfigurationKey(
            "compression.permessage_deflate.window_bits",
            \.compression.permessageDeflate.windowBits,
            .integer(9...15)
        ),
        ConfigurationKey(
            "compression.permessage_deflate.min_bytes",
            \.compression.permessageDeflate.minBytes,
            .size(atLeast: 0)
        ),
        ConfigurationKey("compression.memory", \.compression.memory, .size(atLeast: 0)),
        ConfigurationKey("compression.gzip.min_bytes", \.compression.gzip.minBytes, .size(atLeast: 0)),
    ]

    private static let limitKeys: [ConfigurationKey] = [
        ConfigurationKey("limits.connections.total", \.limits.connections.total, .count),
        ConfigurationKey("limits.connections.per_user", \.limits.connections.perUser, .count),
        ConfigurationKey("limits.connections.per_address", \.limits.connections.perAddress, .count),
        ConfigurationKey("limits.connections.when_full", \.limits.connections.whenFull, .choice),
        ConfigurationKey("limits.accepts.rate", \.limits.accepts.rate, rate),
        ConfigurationKey("limits.accepts.burst", \.limits.accepts.burst, .count),
        ConfigurationKey("limits.memory", \.limits.memory, .memory),
        ConfigurationKey("limits.scans", \.relay.maximumScanCount, .count),
        ConfigurationKey("limits.idempotency_keys", \.relay.maximumIdempotencyKeyCount, .count),
        ConfigurationKey("limits.max_message_bytes", \.limits.maxMessageBytes, .size(atLeast: 1)),
        ConfigurationKey("limits.max_body_bytes", \.limits.maxBodyBytes, .size(atLeast: 1)),
        ConfigurationKey("limits.handshakes.rate", \.limits.handshakes.rate, rate),
        ConfigurationKey("limits.handshakes.burst", \.limits.handshakes.burst, .count),
        ConfigurationKey("limits.ingest.rate", \.limits.ingest.rate, rate),
        ConfigurationKey("limits.ingest.burst", \.limits.ingest.burst, .count),
        ConfigurationKey("limits.requests.rate", \.limits.requests.rate, rate),
        ConfigurationKey("limits.requests.burst", \.limits.requests.burst, .count),
        ConfigurationKey("limits.client_frames.rate", \.limits.clientFrames.rate, rate),
        ConfigurationKey("limits.client_frames.burst", \.limits.clientFrames.burst, .count),
        ConfigurationKey("limits.proxy_requests", \.limits.proxyRequests, .count),
        ConfigurationKey("limits.facets.values", \.limits.facets.values, .count),
        ConfigurationKey("limits.facets.bytes", \.limits.facets.bytes, .size(atLeast: 1)),
        ConfigurationKey("limits.hooks.count", \.limits.hooks.count, .count),
        ConfigurationKey("limits.hooks.bytes", \.limits.hooks.bytes, .size(atLeast: 1)),
        ConfigurationKey("limits.timeouts.handshake", \.limits.timeouts.handshake, timeout),
        ConfigurationKey("limits.timeouts.headers", \.limits.timeouts.headers, timeout),
        ConfigurationKey("limits.timeouts.body", \.limits.timeouts.body, timeout),
        ConfigurationKey("limits.timeouts.stream_idle", \.limits.timeouts.streamIdle, timeout),
        ConfigurationKey("limits.timeouts.keep_alive", \.limits.timeouts.keepAlive, timeout),
        ConfigurationKey("limits.timeouts.close", \.limits.timeouts.close, timeout),
    ]

    private static let operationKeys: [ConfigurationKey] = [
        ConfigurationKey("storage.path", \.storage.path, .optional(.path)),
        ConfigurationKey("storage.durability", \.storage.durability, .choice),
        ConfigurationKey("storage.retention.age", \.storage.retention.age, .duration(atLeast: .milliseconds(1))),
        ConfigurationKey("storage.retention.bytes", \.storage.retention.bytes, .size(atLeast: 1)),
        ConfigurationKey("hooks", \.hooks, .list(.hook, "a list of receivers")),
        ConfigurationKey("log.level", \.log.level, .choice),
        ConfigurationKey("log.format", \.log.format, .choice),
        ConfigurationKey("log.requests", \.log.requests, .boolean),
        ConfigurationKey("shutdown.grace", \.shutdown.grace, .duration(atLeast: .zero, atMost: .hours(1))),
    ]

    private static let engineKeys: [ConfigurationKey] = [
        ConfigurationKey(
            "engine.nats.servers",
            \.engine.nats.servers,
            .list(.natsServer, "a list of servers such as [\"nats://10.0.0.1:4222\"]")
        ),
        ConfigurationKey("engine.nats.name", \.engine.nats.name, .natsName),
        ConfigurationKey("engine.nats.credentials", \.engine.nats.credentials, .optional(.path)),
        ConfigurationKey("engine.nats.user", \.engine.nats.user, .optional(.line)),
        ConfigurationKey("engine.nats.password_file", \.engine.nats.passwordFile, .optional(.path)),
        ConfigurationKey("engine.nats.tls.ca", \.engine.nats.tls.ca, .optional(.path)),
        ConfigurationKey("engine.nats.tls.certificate", \.engine.nats.tls.certificate, .optional(.path)),
        ConfigurationKey("engine.nats.tls.private_key", \.engine.nats.tls.privateKey, .optional(.path)),
        ConfigurationKey("engine.nats.replicas", \.engine.nats.replicas, .integer(1...5)),
        ConfigurationKey("engine.nats.shards", \.engine.nats.shards, .integer(1...1024)),
        ConfigurationKey(
            "engine.nats.append_timeout",
            \.engine.nats.appendTimeout,
            .duration(atLeast: .seconds(1), atMost: .minutes(5))
        ),
        ConfigurationKey(
            "engine.nats.cut_off_after",
            \.engine.nats.cutOffAfter,
            .duration(atLeast: .seconds(5), atMost: .hours(1))
        ),
        ConfigurationKey("node.name", \.node.name, .optional(.nodeName)),
    ]
}
