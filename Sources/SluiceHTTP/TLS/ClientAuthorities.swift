package import NIOSSL
internal import SwiftASN1
internal import X509

/// The authorities whose clients' certificates make producers.
package final class ClientAuthorities: Sendable {
    /// In the form that TLS trusts them in.
    package let certificates: [NIOSSLCertificate]
    private let encoded: Set<[UInt8]>

    /// - Parameter certificates: Those of `tls.client_ca`.
    package init(_ certificates: [NIOSSLCertificate]) {
        self.certificates = certificates
        self.encoded = Set(certificates.compactMap { try? $0.toDERBytes() })
    }

    /// Whether all of some other authorities are among these.
    package func include(_ others: ClientAuthorities) -> Bool {
        self.encoded.isSuperset(of: others.encoded)
    }

    /// Whether one of these signed a certificate itself (RFC 5280, section 6.1.3).
    package func signed(_ certificate: NIOSSLCertificate) -> Bool {
        guard let leaf = Self.decoded(try? certificate.toDERBytes()) else {
            return false
        }
        return self.encoded.contains { bytes in
            guard let authority = Self.decoded(bytes), authority.subject == leaf.issuer else {
                return false
            }
            return authority.publicKey.isValidSignature(leaf.signature, for: leaf)
        }
    }

    private static func decoded(_ bytes: [UInt8]?) -> Certificate? {
        bytes.flatMap { try? Certificate(derEncoded: $0) }
    }
}
