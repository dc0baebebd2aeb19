internal import Crypto
internal import Foundation
internal import NIOSSL
internal import SluiceHTTP
internal import SwiftASN1
internal import X509

/// What is sent to an authority, or shown to it.
enum CertificateRequest {
    /// A new private key of a certificate, as text.
    static func makeKey() -> String {
        P256.Signing.PrivateKey().pemRepresentation + "\n"
    }

    /// A request for a certificate (RFC 2986), in DER.
    ///
    /// - Parameters:
    ///   - domains: The names that it is for.
    ///   - keyPEM: Its private key.
    /// - Returns: The request.
    /// - Throws: If the key is none.
    static func make(for domains: [String], keyPEM: String) throws -> [UInt8] {
        let extensions = try Certificate.Extensions {
            SubjectAlternativeNames(domains.map { .dnsName($0) })
        }
        let request = try CertificateSigningRequest(
            version: .v1,
            subject: DistinguishedName(),
            privateKey: Certificate.PrivateKey(pemEncoded: keyPEM),
            attributes: CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))]),
            signatureAlgorithm: .ecdsaWithSHA256
        )
        var serializer = DER.Serializer()
        try serializer.serialize(request)
        return serializer.serializedBytes
    }

    /// What an authority has to see on the TLS port of a name (RFC 8737 section 3).
    ///
    /// - Parameters:
    ///   - domain: The name.
    ///   - authorization: What proves that the account asked for it.
    ///   - time: The time of day, in seconds since 1970.
    /// - Returns: The certificate, and its private key.
    /// - Throws: Never for a name of a host.
    static func challenge(for domain: String, authorization: String, time: Double) throws -> TLSContexts.Identity {
        let key = P256.Signing.PrivateKey()
        let certificate = try Self.challenge(for: domain, authorization: authorization, key, time: time)
        return TLSContexts.Identity(
            chain: [try NIOSSLCertificate(bytes: certificate, format: .der)],
            privateKey: try NIOSSLPrivateKey(bytes: Array(key.pemRepresentation.utf8), format: .pem)
        )
    }

    /// The same certificate in DER, of a given key.
    static func challenge(
        for domain: String,
        authorization: String,
        _ key: P256.Signing.PrivateKey = P256.Signing.PrivateKey(),
        time: Double
    ) throws -> [UInt8] {
        let certificateKey = Certificate.PrivateKey(key)
        let digest = Array(SHA256.hash(data: Array(authorization.utf8)))
        let now = Date(timeIntervalSince1970: time.rounded(.down))
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: certificateKey.publicKey,
            notValidBefore: now - 86_400,
            notValidAfter: now + 86_400,
            issuer: DistinguishedName { CommonName("Sluice challenge") },
            subject: DistinguishedName { CommonName("Sluice challenge") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                SubjectAlternativeNames([.dnsName(domain)])
                Certificate.Extension(
                    oid: Self.acmeIdentifier,
                    critical: true,
                    value: ([0x04, UInt8(truncatingIfNeeded: digest.count)] + digest)[...]
                )
            },
            issuerPrivateKey: certificateKey
        )
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    /// `id-pe-acmeIdentifier`.
    private static let acmeIdentifier: ASN1ObjectIdentifier = [1, 3, 6, 1, 5, 5, 7, 1, 31]
}
