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
        /// A certificate that an authority issues to the gateway itself.
        package var acme = ACME()

        package init() {}

        /// The certificate for names that have no other; nil if none is given.
        package var usualCertificate: CertificateFiles? {
            guard let certificate = self.certificate, let privateKey = self.privateKey else {
                return nil
            }
            return CertificateFiles(certificate: certificate, privateKey: privateKey)
        }

        /// All certificates of files.
        package var allCertificates: [CertificateFiles] {
            (self.usualCertificate.map { [$0] } ?? []) + self.certificates
        }
    }

    /// A certificate that an authority issues to the gateway itself (RFC 8555).
    package struct ACME: Sendable, Equatable {
        /// How the authority is shown that the names lead to this gateway.
        package enum Challenge: String, Sendable, CaseIterable {
            /// On the public listener (RFC 8737).
            case tlsALPN = "tls-alpn-01"
            /// On the listener of `listen.redirect_http` (RFC 8555 section 8.3).
            case http = "http-01"
        }

        /// The address of the authority's directory; nil asks none.
        package var directory: String?
        /// Where the authority may write to; nil for nowhere.
        package var email: String?
        /// The names of the certificate, in lower case.
        package var domains: [String] = []
        /// The folder of keys and certificates; ``GatewayConfiguration/load(path:environment:machine:)`` makes it absolute.
        package var folder = "acme"
        /// How the names are proven.
        package var challenge = Challenge.tlsALPN
        /// The certificates (PEM) that the authority's own address is verified by; nil for the system's.
        package var ca: String?
        /// Whether the operator agrees to the authority's terms of service.
        package var agreeToTerms = false

        package init() {}

        /// Whether there is an authority to ask.
        package var isOn: Bool { self.directory != nil }
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
