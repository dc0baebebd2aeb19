/// What each key does, in the words of docs/configuration.md: written by .ci/key_texts.py, never by hand.
enum KeyTexts {
    /// By the key's path.
    static let all: [String: String] = {
        var texts: [String: String] = [:]
        for line in Self.table.split(separator: "\n") {
            let key = line.prefix { $0 != " " }
            texts[String(key)] = String(line.dropFirst(key.count + 1))
        }
        return texts
    }()

    private static let table = """
        listen.host The address that scanners and clients connect to.
        listen.port The TCP port; 0 lets the system choose one.
        listen.plaintext Serve without TLS, behind a proxy on the same machine that ends it.
        listen.trusted_proxies Networks (`10.0.0.0/8`, `fd00::/8`) of proxies whose `X-Forwarded-For` and `Forwarded` \
        are believed.
        listen.proxy_protocol Whether load balancers name the client by the PROXY protocol, see below.
        listen.unix A socket in the file system for proxies on this machine, see below.
        listen.redirect_http.port A TCP port, on `listen.host`, that answers 308 to `https://`; 0 lets the system \
        choose one, `null`: none.
        listen.redirect_http.to The port in those answers; `null`: that of `listen.port`.
        listen.event_loops Threads that serve connections, 1 to 1024; `null`: one a core.
        listen.http2.enabled HTTP/2, for clients that choose it in the TLS handshake.
        listen.http2.max_streams Streams that a client may have open on a connection; more are refused one by one.
        listen.http2.websocket Whether WebSockets may be opened on streams (RFC 8441). A delivery costs more there \
        than on a connection of its own.
        tls.certificate The certificate chain (PEM, the server's own first). Needed, unless `listen.plaintext`.
        tls.private_key Its private key (PEM). Needed, unless `listen.plaintext`.
        tls.certificates More certificates, `{ certificate, private_key }` each, chosen by the name that a client asks \
        for.
        tls.minimum_version The oldest version spoken: `1.2` or `1.3`.
        tls.client_ca Certificates (PEM) whose clients may post; others still need a token.
        tls.acme.directory The directory of an authority that issues a certificate to the gateway itself (ACME), see \
        below.
        tls.acme.email Where the authority may write to.
        tls.acme.domains The names of that certificate, one or more, none with a star.
        tls.acme.folder The folder of its keys and certificates; the gateway has to be able to write there.
        tls.acme.challenge How the names are proven: `tls-alpn-01` on `listen.port`, or `http-01` on \
        `listen.redirect_http.port`.
        tls.acme.ca Certificates (PEM) that the authority's own address is checked by; `null`: the system's.
        tls.acme.agree_to_terms Whether you agree to the authority's terms of service; nothing is issued otherwise.
        admin.host Where metrics and health are served, in plaintext and without a token.
        admin.port The TCP port; 0 lets the system choose one.
        origins Origins, besides the gateway's own, whose pages may connect: `https://a.example`, no path, no pattern.
        console.path Where the page that follows scans is; `null`: nowhere. `/client.js` stays where it is.
        proxy.routes Each is `{ path, upstreams, strip_prefix, host, timeout, idle, ca }`. Two of one `path`, or one \
        at the console's, are a fault.
        proxy.max_body_bytes The most bytes of a body that is passed on; `null`: as many as the upstream takes.
        auth.issuer What `iss` of a token has to be; `null`: anything.
        auth.audience What `aud` of a token has to contain; `null`: anything.
        auth.leeway How far the clock of whoever issues tokens may be off.
        auth.cookie A cookie that may carry a token. A reload that changes it ends what came by it.
        auth.query_token Whether a token may stand in a URL. `false`: clients take tickets instead, and a reload that \
        says so ends what came by one.
        auth.claims.subject The claim with the user.
        auth.claims.roles The claim with the names of roles.
        auth.claims.scans The claim with ids and globs of scans.
        auth.claims.scope The claim in which `ingest` gives the right to post.
        auth.roles.admin Roles that may do everything.
        auth.roles.ingest Roles that may post, besides the scope `ingest`.
        auth.oidc.issuer The `https` address of an issuer whose keys are found by discovery; also the `iss` of tokens.
        auth.oidc.refresh How often it is asked again; at least `1s`.
        auth.oidc.ca Certificates (PEM) that it is verified by; `null`: the system's.
        auth.forward.url The address of an application that says who visitors are, see below.
        auth.forward.headers The fields of a request that it judges.
        auth.forward.timeout How long its answer may take.
        auth.forward.cache How long an identity is not asked for again; 0: it is asked each time.
        auth.forward.recheck How often it is asked again about what stands; at least `1s`.
        auth.forward.ca Certificates (PEM) that it is verified by; `null`: the system's.
        auth.keys Keys that sign tokens, see below.
        auth.jwks.file A JSON Web Key Set in a file. Either `file` or `url`.
        auth.jwks.url The `http` or `https` address of a JSON Web Key Set.
        auth.jwks.refresh How often the set is read again; at least `1s`.
        auth.ingest_keys Keys of scanners, see below.
        relay.batch_interval How long a message waits for company. 0: it does not wait.
        relay.max_batch_size The most messages in one frame.
        relay.max_messages_per_second The most frames of a scan that a subscriber gets in a second, critical ones not \
        counted; 0: no limit.
        relay.max_pending The most messages that wait while that is spent; beyond it the oldest are skipped, and the \
        subscriber is told.
        relay.max_pending_bytes The most bytes of messages that wait so.
        relay.framing `batch`, or `plain` for clients that know no batches.
        relay.critical Types that are never dropped, throttled or held back.
        relay.terminal Types that complete a scan.
        relay.conflate Types that tell a state: of those waiting only the newest is kept, for each value of the fields \
        named.
        relay.history.messages The last messages of each scan that stay in memory, its critical ones and its state \
        besides.
        relay.history.bytes The most memory that they take, for each scan; state may take as much again.
        relay.history.critical_bytes The most memory that its critical messages take. Beyond it the oldest are no \
        longer kept in memory, and whoever replays is told; with storage they can still be read.
        relay.cleanup_delay How long a completed scan can still be followed.
        relay.idle_timeout How long a scan without any message stays.
        relay.stall_after How long a running scan may be silent before its subscribers are told.
        clients.heartbeat_interval How often a client is pinged.
        clients.timeout How long a client may be silent, or take nothing, before it is closed; one that takes less \
        than 1 KiB/s of what waits is closed some time later.
        clients.max_buffered The most memory for what was sent to one client and not yet taken. A frame of several \
        messages has at most half of it, and at most 512 KiB.
        clients.max_subscriptions The most scans that one socket may follow.
        clients.adaptive.lags More lag frames than this within the window halve the client's rate.
        clients.adaptive.window The time over which they are counted, and after which, without one, the rate doubles \
        again.
        clients.adaptive.minimum_rate The least frames a second.
        compression.permessage_deflate.enabled Whether WebSocket frames are compressed for clients that offer it (RFC \
        7692).
        compression.permessage_deflate.level 0 (not at all) to 9 (smallest, slowest).
        compression.permessage_deflate.window_bits The window is 2 to this power, 9 to 15.
        compression.permessage_deflate.min_bytes Frames under this size go as they are.
        compression.memory The memory that all compressors together may hold; what would need more goes uncompressed.
        compression.gzip.min_bytes Frames over this size go as gzip to clients that ask for `encoding=gzip`.
        limits.connections.total The most connections in all. Each takes an open file.
        limits.connections.per_user The most of one user.
        limits.connections.per_address The most of one address. Its TCP connections, posts and pages included, may be \
        ten times as many, and at least 1000; more are cut at once.
        limits.connections.when_full What one more of a user gets: `refuse` it, or `close_oldest`.
        limits.accepts.rate New TCP connections of one address, before TLS. More are closed at once; `trusted_proxies` \
        are not counted.
        limits.accepts.burst The same, at once.
        limits.memory The resident memory at which nobody new is let in and the slowest readers are parted with. \
        `auto`: three quarters of what the control group (a container's limit) grants or the machine has; or a size; \
        `null`: no such mark.
        limits.scans The most scans at once.
        limits.idempotency_keys The most idempotency keys remembered, of all scans. Beyond it the oldest are forgotten \
        before their ten minutes are over, and counted (`sluice_idempotency_keys_forgotten_total`).
        limits.max_message_bytes The largest message.
        limits.max_body_bytes The largest body of a request; NDJSON streams have no such limit.
        limits.handshakes.rate Handshakes of WebSockets and event streams, for each user and each address.
        limits.handshakes.burst The same, at once. An address that shows five times as many bad tokens is told to \
        wait.
        limits.ingest.rate Messages, for each producer. A request counts as one at least; an empty line of a stream as \
        one.
        limits.ingest.burst The same, at once; an array of more is refused.
        limits.requests.rate Other requests, for each user. An answer of more than 64 KiB costs one for each 64 KiB.
        limits.requests.burst The same, at once. A long answer may cost more; the next request waits until that is \
        paid.
        limits.client_frames.rate Frames from a client, for each connection.
        limits.client_frames.burst The same, at once.
        limits.proxy_requests The most requests and tunnels under way on all routes.
        limits.facets.values The most hosts of a scan that are counted one by one for facets; ports and tags likewise. \
        What comes beyond it is counted with `others`.
        limits.facets.bytes The most memory that these counts take, of all scans. Beyond it those least recently asked \
        for are forgotten, and counted anew when asked for again (`sluice_facets_forgotten_total`).
        limits.hooks.count The most deliveries that wait for all receivers of `hooks` together; beyond it the receiver \
        with the most loses its oldest.
        limits.hooks.bytes The same, in bytes.
        limits.timeouts.handshake How long a TLS handshake may take.
        limits.timeouts.headers How long the head of a request may take.
        limits.timeouts.body How long the body of a request may take.
        limits.timeouts.stream_idle How long an NDJSON stream may be without a byte.
        limits.timeouts.keep_alive How long a connection waits for its next request.
        limits.timeouts.close How long the client's half of the closing handshake may take.
        storage.path The folder where history outlives the process; `null`: memory only.
        storage.durability What a 202 promises. `none`: nothing; `batched`: the operating system has the messages; \
        `synced`: the disk has them.
        storage.retention.age How long messages are kept.
        storage.retention.bytes The most that the whole store takes.
        hooks Receivers of events of scans, by HTTP: hooks.md. Each is `{ url, events, secret_file }`.
        log.level The least level written to standard error: `trace`, `debug`, `info`, `notice`, `warning`, `error`, \
        `critical`.
        log.format `text`, or `json`: one object a line with `time`, `level`, `logger`, `message` and what else is \
        known.
        log.requests Whether each request to the public listener is logged, at the level `info`, without secrets.
        shutdown.grace How long subscribers may take to leave when the gateway is stopped; at most `1h`.
        engine.nats.servers All servers of the cluster: `nats://host:port` or `tls://host:port`. Empty: the gateway is \
        alone. Excludes `storage.path`. With `tls://`, or with any key of `engine.nats.tls`, nothing is said to a \
        server without TLS.
        engine.nats.name The prefix of subjects and, in capitals, of streams: small letters, digits and `-`.
        engine.nats.credentials A `.creds` file.
        engine.nats.user A user, with `password_file`.
        engine.nats.password_file The file with the password.
        engine.nats.tls.ca The authorities that servers are checked by (PEM); `null`: the system's.
        engine.nats.tls.certificate The certificate that the gateway shows (PEM).
        engine.nats.tls.private_key Its private key.
        engine.nats.replicas How many servers have each message, 1 to 5.
        engine.nats.shards How many streams share the scans; it stays as it was when the streams were made.
        engine.nats.append_timeout How long a post waits for the servers before it is 503.
        engine.nats.cut_off_after After how long without any leader's answer the gateway refuses posts and closes \
        subscribers.
        node.name What the gateway is called in `GET /api/nodes`; `null`: the host's name and a random part.
        """
}
