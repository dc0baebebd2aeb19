package import SluiceBase

/// One file of a first configuration.
package struct SetupFile: Sendable {
    /// Beneath the folder of the configuration.
    package let path: String
    let text: String
    /// Its readers; the group too if the gateway runs as another user than the one that made it.
    let permissions: UInt32
    /// Whether the gateway reads it, so that it belongs to the group of its user.
    let isForGateway: Bool
    /// A description, for the user that made it.
    package let purpose: String
}

/// A first configuration with all that it names, before anything of it is written.
package struct SetupPlan: Sendable {
    /// In the order in which they are written: the configuration is there once all that it names is.
    package let files: [SetupFile]
    let options: SetupOptions

    /// Folders beneath that of the configuration, with their readers.
    let folders: [(path: String, permissions: UInt32)]

    /// Makes keys and certificates.
    ///
    /// - Parameters:
    ///   - options: The options.
    ///   - now: When it is made.
    /// - Throws: The error of X.509.
    package init(_ options: SetupOptions, now: WallTime) throws {
        let names = options.certificateNames
        let host = names.first?.description ?? "localhost"
        let authority = try CertificateAuthority(for: host, now: now)
        let gatewayKey = CertificateAuthority.makeKeyPEM()
        let certificate = try authority.issue(for: names, keyPEM: gatewayKey, now: now, days: options.days)
        let ingestKey = Self.makeSecret()
        let shared: UInt32 = options.group == nil ? 0o600 : 0o640
        func file(_ path: String, _ text: String, _ permissions: UInt32, _ purpose: String) -> SetupFile {
            let isForGateway = permissions & 0o040 != 0
            return SetupFile(
                path: path,
                text: text,
                permissions: permissions,
                isForGateway: isForGateway,
                purpose: purpose
            )
        }
        let list = names.map { $0.description }.joined(separator: ", ")
        self.files = [
            file("certs/ca.crt", try authority.certificatePEM, 0o644, "the authority, for clients to trust"),
            file("secrets/ca.key", try authority.keyPEM, 0o600, "its key; only `sluice certificate` needs it"),
            file("certs/gateway.crt", certificate, 0o644, "the gateway's certificate, for \(list)"),
            file("certs/gateway.key", gatewayKey, shared, "its key"),
            file("secrets/jwt.key", Self.makeSecret() + "\n", shared, "the key that signs tokens"),
            file("secrets/ingest.key", ingestKey + "\n", 0o600, "the ingest key of \(options.ingestKey)"),
            file(
                "config.yaml",
                SetupText(
                    options: options,
                    names: list,
                    ingestKeyDigest: TokenMint.digest(ofIngestKey: ingestKey),
                    date: Self.day(now, after: 0),
                    end: Self.day(now, after: min(options.days, CertificateAuthority.lifetime))
                )
                .yaml,
                0o640,
                "the configuration"
            ),
        ]
        var folders: [(path: String, permissions: UInt32)] = [
            ("certs", 0o755), ("secrets", options.group == nil ? 0o700 : 0o750),
        ]
        // One elsewhere is the operator's, or the service manager's.
        if let storage = options.storage, !storage.hasPrefix("/") {
            folders.append((storage, options.group == nil ? 0o700 : 0o770))
        }
        self.folders = folders
        self.options = options
    }

    /// 256 bits, in hexadecimal digits.
    private static func makeSecret() -> String {
        var generator = SystemRandomNumberGenerator()
        return Hexadecimal.text((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    private static func day(_ time: WallTime, after days: Int) -> String {
        String(LogTime(milliseconds: Int(time.milliseconds) + days * 86_400_000).description.prefix(10))
    }
}
