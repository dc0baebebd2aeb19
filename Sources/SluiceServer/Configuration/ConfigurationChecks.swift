internal import AsyncHTTPClient
internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay
internal import SluiceSystem

/// Checks that concern more than one key: values that do not go together.
///
/// Two values that contradict each other are a fault if the operator gave both. If one of them is a default, the
/// operator had no reason to think of it, and is warned.
struct ConfigurationChecks {
    let configuration: GatewayConfiguration

    func check(_ reading: inout ConfigurationReading) {
        self.checkCertificate(&reading)
        self.checkAuthority(&reading)
        self.checkListeners(&reading)
        self.checkCredentials(&reading)
        self.checkClaims(&reading)
        self.checkUniqueNames(&reading)
        self.checkRoutes(&reading)
        self.checkTypes(&reading)
        self.checkSizes(&reading)
        self.checkTimes(&reading)
        self.checkRates(&reading)
        self.checkEngine(&reading)
    }

    /// Records are repeated when they are half as old, and looked for every ten seconds.
    private static let leastEngineAge = TimeAmount.seconds(60)

    private func checkEngine(_ reading: inout ConfigurationReading) {
        let nats = self.configuration.engine.nats
        guard !nats.servers.isEmpty else {
            return
        }
        if self.configuration.storage.path != nil {
            reading.fault("an engine keeps the scans, so there is no folder besides it", "storage.path")
        }
        if self.configuration.storage.retention.age < Self.leastEngineAge {
            reading.fault(
                "at least 60s with an engine: what must not be lost is repeated in time",
                "storage.retention.age"
            )
        }
        if nats.credentials != nil, nats.user != nil {
            reading.fault("give credentials or user, not both", "engine.nats.user")
        }
        if (nats.user == nil) != (nats.passwordFile == nil), !reading.hasFault(of: "engine.nats.password_file") {
            reading.fault("user and password_file go together", "engine.nats.password_file")
        }
        if (nats.tls.certificate == nil) != (nats.tls.privateKey == nil),
            !reading.hasFault(of: "engine.nats.tls.private_key")
        {
            reading.fault("certificate and private_key go together", "engine.nats.tls.private_key")
        }
        if nats.user != nil, !nats.tls.isGiven,
            let clear = nats.servers.first(where: { !$0.isSecure && !IPAddress.isLoopback(host: $0.host) })
        {
            let message =
                "the password goes in clear to \(clear) unless that asks for TLS; give engine.nats.tls.ca, or tls://"
            reading.warn(message, "engine.nats.user", becauseOf: "engine.nats.servers")
        }
        if nats.appendTimeout >= nats.cutOffAfter {
            let message = "not longer than engine.nats.append_timeout: posts would wait for a gateway that is cut off"
            reading.warn(message, "engine.nats.cut_off_after", becauseOf: "engine.nats.append_timeout")
        }
    }

    private func checkCertificate(_ reading: inout ConfigurationReading) {
        let tls = self.configuration.tls
        guard !reading.hasFault(of: "listen.plaintext") else {
            return
        }
        guard !self.configuration.listen.plaintext else {
            if tls.clientCA != nil {
                reading.warn("has no effect with listen.plaintext", "tls.client_ca")
            }
            if !tls.certificates.isEmpty {
                reading.warn("has no effect with listen.plaintext", "tls.certificates")
            }
            return
        }
        let hasOther = !tls.certificates.isEmpty || tls.acme.isOn
        let isFaulty = ["tls.certificates", "tls.acme.directory"].contains { reading.hasFault(of: $0) }
        if tls.certificate == nil, tls.privateKey == nil, hasOther || isFaulty {
            return
        }
        for (path, value) in [("tls.certificate", tls.certificate), ("tls.private_key", tls.privateKey)] {
            // A given value that could not be read already has its fault.
            if value == nil, !reading.hasFault(of: path) {
                let reason = hasOther ? "both are left out" : "listen.plaintext is true"
                reading.fault("needed, unless \(reason)", path)
            }
        }
    }

    /// The most names of a certificate; no authority takes more.
    private static let maximumDomainCount = 100

    private func checkAuthority(_ reading: inout ConfigurationReading) {
        let acme = self.configuration.tls.acme
        guard acme.isOn else {
            if !acme.domains.isEmpty, !reading.hasFault(of: "tls.acme.directory") {
                reading.fault("needs directory: the address of an authority", "tls.acme")
            }
            return
        }
        guard !self.configuration.listen.plaintext else {
            reading.warn("has no effect with listen.plaintext", "tls.acme")
            return
        }
        if acme.domains.isEmpty, !reading.hasFault(of: "tls.acme.domains") {
            reading.fault("needed: the names of the certificate", "tls.acme.domains")
        }
        if acme.domains.count > Self.maximumDomainCount {
            reading.fault("expected at most \(Self.maximumDomainCount) names", "tls.acme.domains")
        }
        for (index, domain) in acme.domains.enumerated() where acme.domains[..<index].contains(domain) {
            reading.fault("the name stands there twice", "tls.acme.domains[\(index)]")
        }
        if !acme.agreeToTerms, !reading.hasFault(of: "tls.acme.agree_to_terms") {
            let message = "expected true: the authority issues nothing to who does not agree to its terms of service"
            reading.fault(message, "tls.acme.agree_to_terms")
        }
        if acme.challenge == .http, self.configuration.listen.redirectHTTP.port == nil,
            !reading.hasFault(of: "listen.redirect_http")
        {
            reading.fault("http-01 needs listen.redirect_http.port: the authority comes there", "tls.acme.challenge")
        }
        if !self.configuration.engine.nats.servers.isEmpty {
            let message = "each gateway asks for a certificate of its own, and the authority may come to another one"
            reading.warn(message, "tls.acme.directory", becauseOf: "engine.nats.servers")
        }
    }

    private func checkListeners(_ reading: inout ConfigurationReading) {
        let listen = self.configuration.listen
        let admin = self.configuration.admin
        let isEveryAddress = [listen.host, admin.host].contains { $0 == "0.0.0.0" || $0 == "::" }
        if listen.port == admin.port, listen.port != 0, isEveryAddress || listen.host == admin.host {
            let isAdminGiven = reading.isGiven("admin.port")
            let message = "the \(isAdminGiven ? "public" : "admin") listener has the same port"
            reading.fault(message, isAdminGiven ? "admin.port" : "listen.port")
        }
        self.checkOtherListeners(&reading)
    }

    private func checkOtherListeners(_ reading: inout ConfigurationReading) {
        let listen = self.configuration.listen
        let redirect = listen.redirectHTTP
        if redirect.port == nil, redirect.target != nil, !reading.hasFault(of: "listen.redirect_http.port") {
            reading.fault("needs port", "listen.redirect_http")
        }
        if let port = redirect.port, port != 0 {
            let others = [("listen.port", listen.port), ("admin.port", self.configuration.admin.port)]
            for (keyPath, other) in others where other == port {
                reading.fault("the same as \(keyPath)", "listen.redirect_http.port")
            }
        }
        if listen.proxyProtocol, listen.trustedProxies.isEmpty, !reading.hasFault(of: "listen.trusted_proxies") {
            reading.fault("needs listen.trusted_proxies: nobody else may connect", "listen.proxy_protocol")
        }
        if let path = listen.unix, !LocalSocket.isPath(path) {
            reading.fault("too long for a socket: \(path)", "listen.unix")
        }
    }

    private func checkCredentials(_ reading: inout ConfigurationReading) {
        let auth = self.configuration.auth
        if auth.jwks.file != nil, auth.jwks.url != nil {
            reading.fault("give file or url, not both", "auth.jwks")
        }
        let paths = ["auth.keys", "auth.ingest_keys", "auth.jwks", "auth.forward", "auth.oidc"]
        let hasAny =
            !auth.keys.isEmpty || !auth.ingestKeys.isEmpty || auth.jwks.file != nil || auth.jwks.url != nil
            || auth.forward.url != nil || auth.oidc.issuer != nil
        if !hasAny, !paths.contains(where: { reading.hasFault(of: $0) }) {
            reading.fault("nobody could come in: give keys, jwks, oidc, forward or ingest_keys", "auth")
        }
        if auth.oidc.issuer != nil {
            if auth.issuer != nil {
                reading.fault("auth.issuer says it already: give one of them", "auth.oidc.issuer")
            }
            if auth.jwks.url != nil {
                reading.fault("auth.jwks.url says already where keys are: give one of them", "auth.oidc.issuer")
            }
        }
        if auth.forward.headers.isEmpty, auth.forward.url != nil {
            reading.fault("the application needs a field to judge", "auth.forward.headers")
        }
        if let url = auth.forward.url, url.lowercased().hasPrefix("http://"), !Self.isLoopback(url) {
            reading.warn("cookies that are sent without TLS can be read on their way", "auth.forward.url")
        }
        if let url = auth.jwks.url, url.lowercased().hasPrefix("http://"), !Self.isLoopback(url) {
            reading.warn("keys that come without TLS can be replaced on their way", "auth.jwks.url")
        }
    }

    /// A claim is a string or an array, so none can hold another; and nobody is named by a list of rights.
    private func checkClaims(_ reading: inout ConfigurationReading) {
        let claims = self.configuration.auth.claims
        let paths = [
            ("auth.claims.subject", claims.subject), ("auth.claims.roles", claims.roles),
            ("auth.claims.scans", claims.scans), ("auth.claims.scope", claims.scope),
        ]
        for (keyPath, path) in paths {
            for (otherKeyPath, other) in paths where keyPath != otherKeyPath && path.leads(to: other) {
                if path != other {
                    reading.fault("\(path) cannot be a claim and lead to \(otherKeyPath)", keyPath)
                } else if keyPath == "auth.claims.subject" {
                    reading.fault("\(otherKeyPath) is the same claim", keyPath)
                }
            }
        }
    }

    private func checkUniqueNames(_ reading: inout ConfigurationReading) {
        var ids: Set<String> = []
        for (index, key) in self.configuration.auth.keys.enumerated() where !ids.insert(key.id).inserted {
            reading.fault("an earlier key has the id \"\(key.id)\"", "auth.keys[\(index)].id")
        }
        var names: Set<String> = []
        var urls: Set<String> = []
        for (index, hook) in self.configuration.hooks.enumerated() where !urls.insert(hook.url).inserted {
            reading.fault("an earlier receiver has this address", "hooks[\(index)].url")
        }
        for (index, key) in self.configuration.auth.ingestKeys.enumerated() where !names.insert(key.name).inserted {
            reading.fault("an earlier key has the name \"\(key.name)\"", "auth.ingest_keys[\(index)].name")
        }
    }

    private func checkRoutes(_ reading: inout ConfigurationReading) {
        let console = self.configuration.console.path
        if let console, Self.isTaken(console) {
            reading.fault("the gateway's own path; the console needs another", "console.path")
        }
        var paths: Set<String> = []
        for (index, route) in self.configuration.proxy.routes.enumerated() {
            let keyPath = "proxy.routes[\(index)]"
            if !paths.insert(route.path).inserted {
                reading.fault("an earlier route has this path", "\(keyPath).path")
            }
            if route.path == console {
                reading.fault("the console's path: give that another by console.path, or null", "\(keyPath).path")
            }
            if Set(route.upstreams.map(\.url)).count < route.upstreams.count {
                reading.fault("an upstream is given twice", "\(keyPath).upstreams")
            }
            if route.ca != nil, !route.upstreams.contains(where: \.isTLS) {
                reading.warn("has no effect: no upstream is https", "\(keyPath).ca")
            }
        }
    }

    /// Whether the gateway has something else at a path.
    private static func isTaken(_ path: String) -> Bool {
        path == "/healthz" || path == "/api" || path.hasPrefix("/api/") || path.hasPrefix("/client.")
    }

    private func checkTypes(_ reading: inout ConfigurationReading) {
        let relay = self.configuration.relay
        for type in relay.critical.intersection(relay.conflate.keys).sorted() {
            let message = "\"\(type)\" is critical, so that none of it can be replaced by a newer one"
            self.contradict(message, "relay.conflate", "relay.critical", &reading)
        }
    }

    private func checkSizes(_ reading: inout ConfigurationReading) {
        let limits = self.configuration.limits
        let message = limits.maxMessageBytes
        if message > limits.maxBodyBytes {
            let text = "larger than limits.max_body_bytes"
            self.contradict(text, "limits.max_message_bytes", "limits.max_body_bytes", &reading)
        }
        let storage = self.configuration.storage
        if storage.path != nil, storage.retention.bytes < message {
            let text = "smaller than limits.max_message_bytes: a message of that size could not be kept"
            self.contradict(text, "storage.retention.bytes", "limits.max_message_bytes", &reading)
        }
        if self.configuration.relay.history.bytes < message {
            let text = "smaller than limits.max_message_bytes: a message of that size is in no replay"
            reading.warn(text, "relay.history.bytes", becauseOf: "limits.max_message_bytes")
        }
        let relay = self.configuration.relay
        if relay.maximumPendingBytes < message {
            let text = "smaller than limits.max_message_bytes: a message of that size could not wait"
            self.contradict(text, "relay.max_pending_bytes", "limits.max_message_bytes", &reading)
        }
        if relay.history.criticalBytes < message {
            let text = "smaller than limits.max_message_bytes: one critical message displaces all others"
            reading.warn(text, "relay.history.critical_bytes", becauseOf: "limits.max_message_bytes")
        }
        if self.configuration.clients.maxBuffered < message {
            let text = "smaller than limits.max_message_bytes: one message can fill a client's share"
            reading.warn(text, "clients.max_buffered", becauseOf: "limits.max_message_bytes")
        }
        let compression = self.configuration.compression
        if case .bytes(let mark) = limits.memory, compression.permessageDeflate.enabled, mark <= compression.memory {
            let text = "no larger than compression.memory, which alone could keep everybody out"
            reading.warn(text, "limits.memory", becauseOf: "compression.memory")
        }
    }

    private func checkTimes(_ reading: inout ConfigurationReading) {
        let clients = self.configuration.clients
        if clients.heartbeatInterval >= clients.timeout {
            let message = "not shorter than clients.timeout: quiet clients would be closed before they are asked"
            reading.warn(message, "clients.heartbeat_interval", becauseOf: "clients.timeout")
        }
        let relay = self.configuration.relay
        if relay.stallAfter >= relay.idleTimeout {
            let message = "not shorter than relay.idle_timeout: a silent scan would be gone before it has stalled"
            reading.warn(message, "relay.stall_after", becauseOf: "relay.idle_timeout")
        }
        if self.configuration.auth.leeway > .minutes(10) {
            reading.warn("tokens hold that much longer than they say, also stolen ones", "auth.leeway")
        }
    }

    private func checkRates(_ reading: inout ConfigurationReading) {
        let relay = self.configuration.relay
        if relay.maximumFramesPerSecond > 0, relay.adaptive.minimumRate > relay.maximumFramesPerSecond {
            let message = "larger than relay.max_messages_per_second"
            self.contradict(message, "clients.adaptive.minimum_rate", "relay.max_messages_per_second", &reading)
        }
        if self.configuration.listen.trustedProxies.contains(where: { "\($0)".hasSuffix("/0") }) {
            let message = "everybody is a trusted proxy: any client may claim any address, and none counts for a limit"
            reading.warn(message, "listen.trusted_proxies")
        }
    }

    private func contradict(
        _ message: String,
        _ keyPath: String,
        _ otherPath: String,
        _ reading: inout ConfigurationReading
    ) {
        if reading.isGiven(keyPath), reading.isGiven(otherPath) {
            reading.fault(message, keyPath)
        } else {
            reading.warn(message, keyPath, becauseOf: otherPath)
        }
    }

    private static func isLoopback(_ url: String) -> Bool {
        guard let host = (try? HTTPClient.Request(url: url))?.host.trimming(in: "[]") else {
            return false
        }
        return IPAddress.isLoopback(host: host)
    }
}
