/// The options for a first configuration.
package struct SetupOptions: Sendable {
    /// Where a listener is.
    package struct Endpoint: Sendable, Equatable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// `127.0.0.1:8443`, `[::1]:8443`, `gateway.example:8443`; nil for anything else.
        package init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            let host = text[..<colon]
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            guard !host.isEmpty, isBracketed || !host.contains(":") else {
                return nil
            }
            self.host = isBracketed ? String(host.dropFirst().dropLast()) : String(host)
            self.port = Int(port)
        }

        /// Whether it listens at every address of the machine.
        var isEveryAddress: Bool { self.host == "0.0.0.0" || self.host == "::" }
    }

    /// The names that clients use for the gateway, the most important one first; those of the loopback are added.
    package var names: [CertificateName] = []
    /// This machine's own name, for where no other is given.
    package var machineName: CertificateName?
    package var listen = Endpoint(host: "0.0.0.0", port: 8443)
    package var admin = Endpoint(host: "127.0.0.1", port: 9464)
    /// The folder of the history; nil for memory alone.
    package var storage: String?
    /// Origins of pages that may connect, besides the gateway's own.
    package var origins: [String] = []
    /// The name of the first ingest key.
    package var ingestKey = "scanner"
    /// How long the gateway's certificate holds, in days.
    package var days = 397
    /// The group of the user that the gateway runs as, which may read the files that the gateway needs; nil if the same
    /// user makes them.
    package var group: String?

    package init() {}

    /// All that the certificate is for.
    var certificateNames: [CertificateName] {
        var names = self.names
        let listening = CertificateName(self.listen.host)
        if !self.listen.isEveryAddress, let listening, !CertificateName.loopback.contains(listening) {
            names.append(listening)
        }
        names += CertificateName.loopback
        if self.names.isEmpty, self.listen.isEveryAddress, let machineName {
            names.append(machineName)
        }
        var seen: Set<CertificateName> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// Where clients find the gateway.
    package var url: String {
        let name = self.certificateNames.first { !$0.isPattern }
        return "https://\(name?.inURL ?? "localhost")\(self.listen.port == 443 ? "" : ":\(self.listen.port)")"
    }
}
