package import NIOSSL
internal import Synchronization

/// When the certificate that the gateway shows ends.
package final class CertificateExpiry: Sendable {
    private let notAfter = Mutex<Double?>(nil)

    package init() {}

    /// A certificate is in use from now on.
    package func set(_ certificate: NIOSSLCertificate?) {
        self.notAfter.withLock { $0 = certificate.map { Double($0.notValidAfter) } }
    }

    /// When it ends or ended, in seconds since 1970; nil without TLS.
    package var seconds: Double? { self.notAfter.withLock { $0 } }
}
