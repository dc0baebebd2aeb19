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
        /// Whether trusted proxies name the client by the PROXY protocol, and nobody else may connect.
        package var proxyProtocol = false
        /// The path of a socket for proxies of this machine, in plaintext; nil for none.
        package var unix: String?
        /// Where clients that come by `http://` are sent on.
        package var redirectHTTP = RedirectHTTP()
        /// The number of event loops; nil for one a core.
        package var eventLoops: Int?
        /// HTTP/2, which clients choose by ALPN.
        package var http2 = HTTP2()

        package init() {}
    }

    /// HTTP/2 on the public listener, over TLS.
    package struct HTTP2: Sendable, Equatable {
        /// Whether it is offered.
        package var enabled = true
        /// The most streams that a client may have open on a connection; more are refused one by one.
        package var maxStreams = 100
        /// Whether WebSockets may be opened on streams (RFC 8441).
        ///
        /// A delivery costs more there than on a connection of its own.
        package var webSocket = false

        package init() {}
    }

    /// Where clients that come by `http://` are sent to `https://`.
    package struct RedirectHTTP: Sendable, Equatable {
        /// The TCP port, on the public listener's address; 0 lets the system choose one, and nil serves none.
        package var port: Int?
        /// The port that they are sent to; nil for the public listener's.
        package var target: Int?

        package init() {}
    }

    /// A certificate chain, and its private key.
    package struct CertificateFiles: Sendable, Equatable {
        /// The path of the chain (PEM, leaf first).
        package var certificate: String
        /// The path of the certificate's private key (PEM).
        package var privateKey: String

        package init(certificate: String, privateKey: String) {
            self.certificate = certificate
            self.privateKey = privateKey
        }
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
        /// More certificates, which clients choose by the name that they ask for.
        package var certificates: [CertificateFiles] = []
        /// The oldest TLS version that is spoken.
        package var minimumVersion = MinimumVersion.tls12
        /// The path of the certificates (PEM) whose clients are producers; nil asks no client for a certificate.
        package var clientCA: String?

        package init() {}

        /// All certificates; the first one is shown where the name that a client asks for fits none.
        package var allCertificates: [CertificateFiles] {
            guard let certificate = self.certificate, let privateKey = self.privateKey else {
                return self.certificates
            }
            return [CertificateFiles(certificate: certificate, privateKey: privateKey)] + self.certificates
        }
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
