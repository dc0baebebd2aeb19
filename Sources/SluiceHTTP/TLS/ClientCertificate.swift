package import NIOSSL
internal import SwiftASN1
internal import Synchronization
internal import X509

/// The certificate that a client showed, and under which authorities it was verified.
package final class ClientCertificate: Sendable {
    /// The producer that it names; nil if it names none that can be shown and counted.
    package let name: String?
    private let leaf: NIOSSLCertificate
    private let authorities: ClientAuthorities
    /// The last result: it is needed again for each request of an open connection.
    private let judged = Mutex<(authorities: ClientAuthorities, isAdmitted: Bool)?>(nil)

    package init(_ leaf: NIOSSLCertificate, authorities: ClientAuthorities) {
        self.name = leaf.producerName
        self.leaf = leaf
        self.authorities = authorities
    }

    /// Whether the authorities of now would admit it.
    ///
    /// They do if all those are still among them under which it was verified, or if one of them signed it. A client
    /// that was verified through intermediate certificates must connect again when one of several authorities is
    /// removed.
    ///
    /// - Parameter current: The authorities in force; nil for none.
    /// - Returns: Whether its client may continue.
    package func isAdmitted(by current: ClientAuthorities?) -> Bool {
        guard let current else {
            return false
        }
        guard current !== self.authorities else {
            return true
        }
        return self.judged.withLock { judged in
            if let judged, judged.authorities === current {
                return judged.isAdmitted
            }
            let isAdmitted = current.include(self.authorities) || current.signed(self.leaf)
            judged = (current, isAdmitted)
            return isAdmitted
        }
    }
}

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
