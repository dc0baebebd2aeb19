internal import NIOCore
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

    /// What a server shows, and proves to have.
    package struct Identity: Sendable {
        /// The certificate that is shown, then those between it and its authority.
        package var chain: [NIOSSLCertificate]
        /// The first certificate's key.
        package var privateKey: NIOSSLPrivateKey

        package init(chain: [NIOSSLCertificate], privateKey: NIOSSLPrivateKey) {
            self.chain = chain
            self.privateKey = privateKey
        }
    }

    /// What a context is made of.
    package struct Material: Sendable {
        /// Shown to clients whose name fits none of the others, or that name none.
        package var identity: Identity
        /// Those that clients choose by name.
        package var others: [Identity] = []
        /// Whether TLS 1.2 is refused.
        package var isVersion13Only = false
        /// Those under which clients' certificates are taken; nil asks no client for one.
        package var authorities: ClientAuthorities?

        package init(_ identity: Identity) {
            self.identity = identity
        }
    }

    /// A context, and whose clients' certificates it takes.
    package struct Current: Sendable {
        package let context: NIOSSLContext
        /// nil where no client is asked for a certificate.
        package let authorities: ClientAuthorities?
        /// When the first of the certificates that are shown ends or ended, in seconds since 1970.
        package let endsAt: Double?
    }

    private let state: Mutex<Current>
    /// What a client may choose by ALPN (RFC 7301), the preferred one first.
    private let protocols: [String]

    package init(_ material: Material, protocols: [String] = ["http/1.1"]) throws {
        self.protocols = protocols
        self.state = Mutex(try Self.makeContext(material, protocols))
    }

    /// The context for the next connection.
    package var current: Current { self.state.withLock { $0 } }

    /// Takes another certificate from the next connection on.
    ///
    /// - Throws: If no context can be made of it; then the old one stays.
    package func replace(_ material: Material) throws {
        let fresh = try Self.makeContext(material, self.protocols)
        self.state.withLock { $0 = fresh }
    }

    private static func makeContext(_ material: Material, _ protocols: [String]) throws -> Current {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: material.identity.chain.map { .certificate($0) },
            privateKey: .privateKey(material.identity.privateKey)
        )
        configuration.sslContextCallback = Self.choose(material)
        configuration.minimumTLSVersion = material.isVersion13Only ? .tlsv13 : .tlsv12
        configuration.cipherSuites = Self.cipherSuites
        configuration.applicationProtocols = protocols
        configuration.renegotiationSupport = .none
        if let authorities = material.authorities {
            configuration.trustRoots = .certificates(authorities.certificates)
            configuration.certificateVerification = .optionalVerification
        }
        return Current(
            context: try NIOSSLContext(configuration: configuration),
            authorities: material.authorities,
            endsAt: ([material.identity] + material.others).compactMap { $0.chain.first }
                .map { Double($0.notValidAfter) }.min()
        )
    }

    /// Shows each client the certificate of the name that it asks for; nil where there is only one.
    private static func choose(_ material: Material) -> NIOSSLContextCallback? {
        guard !material.others.isEmpty else {
            return nil
        }
        let identities = [material.identity] + material.others
        let choice = CertificateChoice(identities.map { $0.chain.first?.serverNames ?? [] })
        return { values, promise in
            var override = NIOSSLContextConfigurationOverride.noChanges
            if let index = values.serverHostname.flatMap({ choice.index(for: $0) }), index > 0 {
                override.certificateChain = identities[index].chain.map { .certificate($0) }
                override.privateKey = .privateKey(identities[index].privateKey)
            }
            promise.succeed(override)
        }
    }
}
