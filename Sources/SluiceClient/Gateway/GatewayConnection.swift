package import NIOSSL

/// Which gateway, as whom, and whom to trust that it is the gateway.
package struct GatewayConnection: Sendable {
    /// The value of `User-Agent`.
    static let userAgent = "sluice"

    package let address: GatewayAddress

    /// The token or ingest key, if there is one: goes into a header, never into a URL or a log.
    let credential: Credential

    /// How the gateway's certificate is judged.
    package let tls: TLSConfiguration

    /// Reads and checks what a user gave.
    ///
    /// - Parameters:
    ///   - url: `https://host:port`, or `http://` without TLS; a path in front of the gateway's is kept.
    ///   - token: A JWT or an ingest key.
    ///   - tokenFile: A file that holds one instead, and is read again when it changes.
    ///   - certificateAuthorityFile: A PEM file of the only certificates to trust, instead of the system's.
    ///   - skipsVerification: Takes any certificate: a machine in between can then read the token.
    /// - Throws: ``ClientError`` for the first value that cannot be used.
    package init(
        url: String,
        token: String? = nil,
        tokenFile: String? = nil,
        certificateAuthorityFile: String? = nil,
        skipsVerification: Bool = false
    ) throws(ClientError) {
        self.address = try GatewayAddress(url)
        if let tokenFile {
            self.credential = try Credential(file: tokenFile)
        } else {
            self.credential = try Credential(token: token)
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = certificateAuthorityFile {
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(file), !certificates.isEmpty else {
                throw ClientError(.unusableCertificates, "No certificate could be read from \(file).")
            }
            tls.trustRoots = .certificates(certificates)
        }
        if skipsVerification {
            tls.certificateVerification = .none
        }
        self.tls = tls
    }

    /// Whether the token would cross a network in the clear.
    package var exposesToken: Bool {
        self.credential.current != nil && !self.address.isSecure && !self.address.isLoopback
    }
}
