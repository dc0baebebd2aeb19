internal import Crypto
internal import Foundation
package import SluiceBase
internal import SwiftASN1
internal import X509

/// An authority of one's own: clients are told to trust its certificate, and it issues the gateway's.
package struct CertificateAuthority {
    /// How long an authority holds, in days.
    static let lifetime = 3650
    /// The most days that clients accept of a certificate whose authority was added by hand.
    package static let maximumDays = 825
    /// How far a client's clock may be behind, in seconds.
    private static let leeway: TimeInterval = 3600
    /// The most characters of a common name (RFC 5280 appendix A.1).
    private static let maximumNameLength = 64

    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// Makes a new one.
    ///
    /// - Parameters:
    ///   - name: The owner that it issues for; shown where certificates are listed.
    ///   - now: When it begins to hold.
    /// - Throws: Never for a name in a certificate.
    package init(for name: String, now: WallTime) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try Self.distinguishedName("Sluice authority of \(name)")
        self.certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: Self.date(now) - Self.leeway,
            notValidAfter: Self.date(now, days: Self.lifetime),
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key
        )
        self.key = key
    }

    /// An existing authority.
    ///
    /// - Parameters:
    ///   - certificatePEM: Its certificate.
    ///   - keyPEM: The private key of that.
    /// - Throws: If they are not, or do not belong together.
    package init(certificatePEM: String, keyPEM: String) throws {
        self.certificate = try Certificate(pemEncoded: certificatePEM)
        self.key = try Certificate.PrivateKey(pemEncoded: keyPEM)
        guard self.certificate.publicKey == self.key.publicKey else {
            throw SetupFailure(.unusable, "the authority's key does not belong to its certificate")
        }
    }

    /// Its certificate.
    package var certificatePEM: String {
        get throws { try self.certificate.serializeAsPEM().pemString + "\n" }
    }

    /// Its private key.
    package var keyPEM: String {
        get throws { try self.key.serializeAsPEM().pemString + "\n" }
    }

    /// A new private key for a server.
    static func makeKeyPEM() -> String {
        P256.Signing.PrivateKey().pemRepresentation + "\n"
    }

    /// Issues a certificate of a server.
    ///
    /// - Parameters:
    ///   - names: The names that it is for, the most important one first; at least one.
    ///   - keyPEM: The server's private key.
    ///   - now: When it begins to hold.
    ///   - days: How long it holds, at most as long as the authority.
    /// - Returns: The certificate.
    /// - Throws: If the key is none.
    package func issue(for names: [CertificateName], keyPEM: String, now: WallTime, days: Int) throws -> String {
        guard let first = names.first else {
            throw SetupFailure(.unusable, "a certificate needs a name")
        }
        let key = try Certificate.PrivateKey(pemEncoded: keyPEM)
        let issuer = SubjectKeyIdentifier(hash: self.certificate.publicKey)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: Self.date(now) - Self.leeway,
            notValidAfter: min(Self.date(now, days: days), self.certificate.notValidAfter),
            issuer: self.certificate.subject,
            subject: try Self.distinguishedName(first.description),
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names.map { $0.generalName })
                SubjectKeyIdentifier(hash: key.publicKey)
                AuthorityKeyIdentifier(keyIdentifier: issuer.keyIdentifier)
            },
            issuerPrivateKey: self.key
        )
        return try certificate.serializeAsPEM().pemString + "\n"
    }

    /// The names of the first certificate of a PEM text, in its order; none if it is no certificate.
    package static func names(in pem: String) -> [CertificateName] {
        guard let document = try? PEMDocument.parseMultiple(pemString: pem).first,
            let certificate = try? Certificate(pemDocument: document),
            let names = try? certificate.extensions.subjectAlternativeNames
        else {
            return []
        }
        return names.compactMap { CertificateName($0) }
    }

    private static func distinguishedName(_ text: String) throws -> DistinguishedName {
        try DistinguishedName { CommonName(String(text.prefix(Self.maximumNameLength))) }
    }

    private static func date(_ time: WallTime, days: Int = 0) -> Date {
        Date(timeIntervalSince1970: time.seconds.rounded(.down) + Double(days) * 86_400)
    }
}
