internal import NIOSSL
internal import SluiceBase
internal import SluiceHTTP
internal import SwiftASN1
internal import X509

/// A certificate that an authority issued to the gateway, with its chain and its private key.
struct IssuedCertificate: Sendable {
    /// Its private key, then its chain, leaf first: one text, so that both are replaced at once.
    let pem: String
    let identity: TLSContexts.Identity
    let validity: ACMESchedule.Validity
    /// The names that it is for, in lower case.
    let names: [String]
    /// What the authority calls it (RFC 9773 section 4.1); nil if it does not name its issuer's key.
    let id: String?

    /// - Parameters:
    ///   - chain: What the authority issued (PEM), leaf first.
    ///   - keyPEM: The private key that it was ordered for.
    /// - Throws: If they do not belong together, or are damaged.
    init(chain: [UInt8], keyPEM: String) throws(ACMEFailure) {
        try self.init(pem: keyPEM + (keyPEM.hasSuffix("\n") ? "" : "\n") + String(decoding: chain, as: UTF8.self))
    }

    /// - Parameter pem: The key and the chain as they are kept.
    /// - Throws: If they do not belong together, or are damaged.
    init(pem: String) throws(ACMEFailure) {
        let bytes = Array(pem.utf8)
        do throws(ConfigurationProblem) {
            self.identity = TLSContexts.Identity(
                chain: try PEMFile.certificates(bytes),
                privateKey: try PEMFile.privateKey(bytes)
            )
        } catch {
            throw ACMEFailure("it \(error.message)")
        }
        guard let leaf = self.identity.chain.first, PEMFile.isPair(leaf, self.identity.privateKey),
            let encoded = try? leaf.toDERBytes(), let certificate = try? Certificate(derEncoded: encoded)
        else {
            throw ACMEFailure("the certificate does not belong to its private key")
        }
        self.pem = pem
        self.validity = ACMESchedule.Validity(
            beginsAt: Double(leaf.notValidBefore),
            endsAt: Double(leaf.notValidAfter)
        )
        self.names =
            (try? certificate.extensions.subjectAlternativeNames)
            .map { names in
                names.compactMap { name in
                    if case .dnsName(let text) = name { text.lowercased() } else { nil }
                }
            } ?? []
        self.id = Self.id(certificate)
    }

    /// Whether it may be shown: it holds, and is for all these names.
    ///
    /// - Parameters:
    ///   - domains: The names, in lower case.
    ///   - time: The time of day, in seconds since 1970.
    /// - Returns: Whether it may.
    func isGood(for domains: [String], time: Double) -> Bool {
        self.validity.endsAt > time && Set(self.names).isSuperset(of: domains)
    }

    private static func id(_ certificate: Certificate) -> String? {
        guard let issuer = try? certificate.extensions.authorityKeyIdentifier, let key = issuer.keyIdentifier,
            let first = certificate.serialNumber.bytes.first
        else {
            return nil
        }
        // As the certificate has it: a number whose first bit is set has a zero before it (X.690 section 8.3).
        let serial = (first >= 0x80 ? [0] : []) + certificate.serialNumber.bytes
        return "\(Base64URL.encode(key)).\(Base64URL.encode(serial))"
    }
}
