package import SluiceBase

extension GatewayConfiguration {
    /// The public listener: where scanners and clients connect.
    package struct Listen: Sendable, Equatable {
        /// The address to bind; a name is resolved once, at the start.
        package var host = "0.0.0.0"
        /// The TCP port; 0 lets the system choose one.
        package var port = 8443
        /// Serve without TLS, for a proxy on the same machine that ends TLS itself.
        package var plaintext = false
        /// Proxies whose `X-Forwarded-For` and `Forwarded` are believed.
        package var trustedProxies: [AddressBlock] = []
        /// The number of event loops; nil for one a core.
        package var eventLoops: Int?

        package init() {}
    }

    /// The certificate that the public listener shows, and the certificates that it accepts from clients.
    package struct TLS: Sendable, Equatable {
        /// The oldest TLS version that is spoken.
        package enum MinimumVersion: String, Sendable, CaseIterable {
            case tls12 = "1.2"
            case tls13 = "1.3"
        }

        /// The path of the certificate chain (PEM, leaf first).
        ///
        /// Needed unless `listen.plaintext`.
        package var certificate: String?
        /// The path of the certificate's private key (PEM).
        ///
        /// Needed unless `listen.plaintext`.
        package var privateKey: String?
        /// The oldest TLS version that is spoken.
        package var minimumVersion = MinimumVersion.tls12
        /// The path of the certificates (PEM) whose clients are producers; nil asks no client for a certificate.
        package var clientCA: String?

        package init() {}
    }

    /// The plaintext listener for metrics and health.
    package struct Admin: Sendable, Equatable {
        /// The address to bind.
        ///
        /// It asks for no token.
        package var host = "127.0.0.1"
        /// The TCP port; 0 lets the system choose one.
        package var port = 9464

        package init() {}
    }
}
