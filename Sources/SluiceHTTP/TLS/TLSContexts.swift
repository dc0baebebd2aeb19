package import NIOSSL
internal import Synchronization

/// The TLS context in force, and how one is made.
///
/// A new one holds for the connections after it. Where certificates and keys come from is its owner's business.
package final class TLSContexts: Sendable {
    /// Forward-secret, with authenticated encryption: the remaining suites of TLS 1.2 (RFC 9325, section 4.2).
    private static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    .joined(separator: ":")

    /// What a context is made of.
    package struct Material: Sendable {
        /// The certificate that is shown, then those between it and its authority.
        package var chain: [NIOSSLCertificate]
        /// The first certificate's key.
        package var privateKey: NIOSSLPrivateKey
        /// Whether TLS 1.2 is refused.
        package var isVersion13Only = false
        /// Those under which clients' certificates are taken; nil asks no client for one.
        package var authorities: ClientAuthorities?

        package init(chain: [NIOSSLCertificate], privateKey: NIOSSLPrivateKey) {
            self.chain = chain
            self.privateKey = privateKey
        }
    }

    /// A context, and whose clients' certificates it takes.
    package struct Current: Sendable {
        package let context: NIOSSLContext
        /// nil where no client is asked for a certificate.
        package let authorities: ClientAuthorities?
        /// When the certificate that is shown ends or ended, in seconds since 1970.
        package let endsAt: Double?
    }

    private let state: Mutex<Current>

    package init(_ material: Material) throws {
        self.state = Mutex(try Self.makeContext(material))
    }

    /// The context for the next connection.
    package var current: Current { self.state.withLock { $0 } }

    /// Takes another certificate from the next connection on.
    ///
    /// - Throws: If no context can be made of it; then the old one stays.
    package func replace(_ material: Material) throws {
        let fresh = try Self.makeContext(material)
        self.state.withLock { $0 = fresh }
    }

    private static func makeContext(_ material: Material) throws -> Current {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: material.chain.map { .certificate($0) },
            privateKey: .privateKey(material.privateKey)
        )
        configuration.minimumTLSVersion = material.isVersion13Only ? .tlsv13 : .tlsv12
        configuration.cipherSuites = Self.cipherSuites
        configuration.applicationProtocols = ["http/1.1"]
        configuration.renegotiationSupport = .none
        if let authorities = material.authorities {
            configuration.trustRoots = .certificates(authorities.certificates)
            configuration.certificateVerification = .optionalVerification
        }
        return Current(
            context: try NIOSSLContext(configuration: configuration),
            authorities: material.authorities,
            endsAt: material.chain.first.map { Double($0.notValidAfter) }
        )
    }
}
