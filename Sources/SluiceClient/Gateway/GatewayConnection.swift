package import NIOSSL

/// Which gateway, as whom, and whom to trust that it is the gateway.
package struct GatewayConnection: Sendable {
    /// What is sent as `User-Agent`.
    static let userAgent = "sluice"

    package let address: GatewayAddress

    /// The token or ingest key, if there is one: goes into a header, never into a URL or a log.
    let token: String?

    /// How the gateway's certificate is judged.
    package let tls: TLSConfiguration

    /// Reads and checks what a user gave.
    ///
    /// - Parameters:
    ///   - url: `https://host:port`, or `http://` without TLS; a path in front of the gateway's is kept.
    ///   - token: A JWT or an ingest key.
    ///   - certificateAuthorityFile: A PEM file of the only certificates to trust, instead of the system's.
    ///   - skipsVerification: Takes any certificate: whoever stands between can then read the token.
    /// - Throws: What is of no use.
    package init(
        url: String,
        token: String?,
        certificateAuthorityFile: String? = nil,
        skipsVerification: Bool = false
    ) throws(ClientError) {
        self.address = try GatewayAddress(url)
        // A line end in a header would be a second header.
        guard token?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true, token != "" else {
            throw ClientError(.invalidToken, "The token is empty or holds characters that a token cannot have.")
        }
        self.token = token
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
        self.token != nil && !self.address.isSecure && !self.address.isLoopback
    }

    /// The headers that every request to the gateway bears.
    var headers: [(String, String)] {
        var headers = [("User-Agent", Self.userAgent)]
        if let token = self.token { headers.append(("Authorization", "Bearer \(token)")) }
        return headers
    }
}
