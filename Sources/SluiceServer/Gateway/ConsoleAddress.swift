/// The address of the console for the log; the gateway's name comes from the certificate.
enum ConsoleAddress {
    /// The address of the console's page; nil if there is none.
    ///
    /// - Parameters:
    ///   - configuration: Which certificate, or which host without TLS.
    ///   - port: Where clients connect.
    /// - Returns: The address as a browser takes it.
    static func url(_ configuration: GatewayConfiguration, port: Int) -> String? {
        configuration.console.path.map { Self.origin(configuration, port: port) + $0 }
    }

    private static func origin(_ configuration: GatewayConfiguration, port: Int) -> String {
        let listen = configuration.listen
        guard !listen.plaintext else {
            let host = CertificateName(listen.host)
            let isOne = host != nil && listen.host != "0.0.0.0" && listen.host != "::"
            return self.url("http", isOne ? host : nil, port, usual: 80)
        }
        return self.url("https", self.names(configuration.tls).first { !$0.isPattern }, port, usual: 443)
    }

    private static func url(_ scheme: String, _ host: CertificateName?, _ port: Int, usual: Int) -> String {
        "\(scheme)://\(host?.inURL ?? "localhost")\(port == usual ? "" : ":\(port)")"
    }

    private static func names(_ tls: GatewayConfiguration.TLS) -> [CertificateName] {
        guard let path = tls.allCertificates.first?.certificate,
            let file = try? FileContent(path: path, limit: FileContent.maximumKeyBytes)
        else {
            return []
        }
        return CertificateAuthority.names(in: String(decoding: file.bytes, as: UTF8.self))
    }
}
