internal import NIOSSL
internal import Synchronization

/// When the certificate that the gateway shows ends.
final class CertificateExpiry: Sendable {
    /// Seconds since 1970; nil without TLS.
    private let notAfter = Mutex<Double?>(nil)

    /// A certificate is in use from now on.
    func set(_ certificate: NIOSSLCertificate?) {
        self.notAfter.withLock { $0 = certificate.map { Double($0.notValidAfter) } }
    }

    /// How many days are left; less than 0 if it has ended.
    func daysLeft(now: Double) -> Double? {
        self.notAfter.withLock { $0 }.map { ($0 - now) / 86_400 }
    }
}
