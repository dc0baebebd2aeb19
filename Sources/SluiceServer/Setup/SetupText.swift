internal import SluiceBase

/// The configuration file that a gateway begins with.
///
/// A line such as `# level: info` shows a default: without its `# ` the file is still valid.
struct SetupText {
    let options: SetupOptions
    /// The names that the certificate is for.
    let names: String
    let ingestKeyDigest: String
    /// When it is made, and when the certificate ends.
    let date: String
    let end: String

    var yaml: String { self.line + self.relay }

    /// The sections of listeners, certificate, origins and credentials.
    private var line: String {
        """
        # Sluice's configuration, made by `sluice init` on \(self.date). Commented keys show useful defaults;
        # docs/configuration.md has every key. `sluice check --config config.yaml` lists the faults of this file. Relative
        # paths start from its folder. A running gateway takes up most changes at SIGHUP.

        listen:
          # Where scanners and browsers connect; 127.0.0.1 is for this machine alone.
          host: \(Self.quoted(self.options.listen.host))
          port: \(self.options.listen.port)
          # Networks of proxies whose X-Forwarded-For and Forwarded are believed.
          # trusted_proxies: [10.0.0.0/8]

        tls:
          # For \(self.names); until \(self.end).
          # Issued by certs/ca.crt, which clients have to trust; `sluice certificate` renews it. You can put another
          # one here: the chain, the gateway's own certificate first, and its private key.
          certificate: certs/gateway.crt
          private_key: certs/gateway.key
          # minimum_version: "1.2"

        admin:
          # Metrics and health, in plaintext and without a token: keep it on the loopback.
          host: \(Self.quoted(self.options.admin.host))
          port: \(self.options.admin.port)

        # Origins, besides the gateway's own, whose pages may connect.
        \(self.origins)

        auth:
          # Keys that sign tokens. A token: sluice token --config config.yaml --sub alice --scans 'nightly-*'
          keys:
            - { id: main, algorithm: HS256, secret_file: secrets/jwt.key }
          # Keys of scanners, kept as their SHA-256 (`sluice key`). The secret of the first is in secrets/ingest.key.
          ingest_keys:
            - { name: \(Self.quoted(self.options.ingestKey)), sha256: "\(self.ingestKeyDigest)", scans: ["*"] }
          # Whether a URL may contain a token, which then appears in logs.
          # query_token: true


        """
    }

    /// The sections from the relay on.
    private var relay: String {
        """
        relay:
          # The most frames of a scan that a subscriber gets in a second, and the most messages in one.
          # max_messages_per_second: 10
          # max_batch_size: 50
          # How long a completed scan can still be followed, and how long a silent one stays.
          # cleanup_delay: 5m
          # idle_timeout: 1h
          # The last messages of each scan that stay in memory.
          # history: { messages: 1000, bytes: 4MiB }

        limits:
          # connections: { total: 100000, per_user: 10, per_address: 100 }
          # Messages a second of one producer.
          # ingest: { rate: 5000, burst: 10000 }
          # The largest message, and the largest body of a request.
          # max_message_bytes: 256KiB
          # max_body_bytes: 8MiB

        storage:
          # The folder that keeps history over restarts; null: memory only.
          path: \(self.options.storage.map { Self.quoted($0) } ?? "null")
          # An accepted message survives the end of the process (batched), or a power cut too (synced).
          # durability: batched
          # retention: { age: 7d, bytes: 1GiB }

        log:
          # trace, debug, info, notice, warning, error or critical; text, or json.
          # level: info
          # format: text

        """
    }

    private var origins: String {
        guard !self.options.origins.isEmpty else {
            return "# origins: [\"https://dashboard.example\"]"
        }
        return "origins: [\(self.options.origins.map { Self.quoted($0) }.joined(separator: ", "))]"
    }

    /// A value of the user's as YAML, whatever is in it (YAML 1.2 section 5.7).
    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\":
                "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                "\\x" + Hexadecimal.text([UInt8(scalar.value)])
            default:
                String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
