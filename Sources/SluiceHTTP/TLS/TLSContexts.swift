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
        /// Shown to clients whose name fits none of the others, or that name none; nil for the one that was issued, or
        /// the first of the others.
        package var identity: Identity?
        /// Those that clients choose by name.
        package var others: [Identity] = []
        /// Whether TLS 1.2 is refused.
        package var isVersion13Only = false
        /// Those under which clients' certificates are taken; nil asks no client for one.
        package var authorities: ClientAuthorities?
        /// Whether its certificates are those of an earlier one, until one is issued.
        fileprivate var isStandIn = false

        package init(_ identity: Identity? = nil) {
            self.identity = identity
        }

        /// Whether it brings no certificate at all.
        fileprivate var isEmpty: Bool { self.identity == nil && self.others.isEmpty }
    }

    /// A context, and whose clients' certificates it takes.
    package struct Current: Sendable {
        /// nil while there is no certificate to show.
        package fileprivate(set) var context: NIOSSLContext?
        /// nil where no client is asked for a certificate.
        package fileprivate(set) var authorities: ClientAuthorities?
        /// When the first of the certificates that are shown ends or ended, in seconds since 1970.
        package fileprivate(set) var endsAt: Double?
        /// What an authority sees that looks whether a name leads here (RFC 8737), by name in lower case.
        package fileprivate(set) var challenges: [String: NIOSSLContext] = [:]
    }

    private struct State {
        var material: Material
        /// The certificate that an authority issued to the gateway itself; it is before the others for its names.
        var issued: Identity?
        var current = Current()
    }

    private let state: Mutex<State>
    /// What a client may choose by ALPN (RFC 7301), the preferred one first.
    private let protocols: [String]

    package init(_ material: Material, protocols: [String] = ["http/1.1"]) throws {
        self.protocols = protocols
        var state = State(material: material)
        try Self.renew(&state, protocols)
        self.state = Mutex(state)
    }

    /// The context for the next connection.
    package var current: Current { self.state.withLock { $0.current } }

    /// Takes other certificates from the next connection on.
    ///
    /// Where there are none among them and none was issued yet, the old ones stay until one is.
    ///
    /// - Throws: If no context can be made of it; then the old one stays.
    package func replace(_ material: Material) throws {
        try self.change { state in
            let old = state.material
            state.material = material
            if material.isEmpty, state.issued == nil, !old.isEmpty {
                state.material.identity = old.identity
                state.material.others = old.others
                state.material.isStandIn = true
            }
        }
    }

    /// Shows a certificate that was issued to the gateway itself, from the next connection on; nil shows it no more.
    ///
    /// - Throws: If no context can be made of it; then the old one stays.
    package func setIssued(_ identity: Identity?) throws {
        try self.change { state in
            state.issued = identity
            if identity != nil, state.material.isStandIn {
                state.material.identity = nil
                state.material.others = []
                state.material.isStandIn = false
            }
        }
    }

    /// Shows authorities that look whether names lead here what they have to see, from the next connection on.
    ///
    /// - Parameter identities: A certificate for each name.
    /// - Throws: If no context can be made of one of them; then nothing changes.
    package func setChallenges(_ identities: [String: Identity]) throws {
        let contexts = try identities.mapValues { identity in
            var configuration = Self.configuration(identity)
            configuration.applicationProtocols = [ClientHelloHandler.protocolName]
            return try NIOSSLContext(configuration: configuration)
        }
        self.state.withLock { $0.current.challenges = contexts }
    }

    private func change(_ body: (inout State) -> Void) throws {
        try self.state.withLock { state in
            var fresh = state
            body(&fresh)
            try Self.renew(&fresh, self.protocols)
            state = fresh
        }
    }

    private static func configuration(_ identity: Identity) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) },
            privateKey: .privateKey(identity.privateKey)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = Self.cipherSuites
        configuration.renegotiationSupport = .none
        return configuration
    }

    private static func renew(_ state: inout State, _ protocols: [String]) throws {
        let material = state.material
        // In the order in which they are preferred for a name.
        let identities = [state.issued, material.identity].compactMap { $0 } + material.others
        let usual = state.issued != nil && material.identity != nil ? 1 : 0
        state.current.authorities = material.authorities
        state.current.endsAt = identities.compactMap { $0.chain.first }.map { Double($0.notValidAfter) }.min()
        guard !identities.isEmpty else {
            state.current.context = nil
            return
        }
        var configuration = Self.configuration(identities[usual])
        configuration.sslContextCallback = Self.choose(identities, usual: usual)
        configuration.minimumTLSVersion = material.isVersion13Only ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = protocols
        if let authorities = material.authorities {
            configuration.trustRoots = .certificates(authorities.certificates)
            configuration.certificateVerification = .optionalVerification
        }
        state.current.context = try NIOSSLContext(configuration: configuration)
    }

    /// Shows each client the certificate of the name that it asks for; nil where there is only one.
    private static func choose(_ identities: [Identity], usual: Int) -> NIOSSLContextCallback? {
        guard identities.count > 1 else {
            return nil
        }
        let choice = CertificateChoice(identities.map { $0.chain.first?.serverNames ?? [] })
        return { values, promise in
            var override = NIOSSLContextConfigurationOverride.noChanges
            if let index = values.serverHostname.flatMap({ choice.index(for: $0) }), index != usual {
                override.certificateChain = identities[index].chain.map { .certificate($0) }
                override.privateKey = .privateKey(identities[index].privateKey)
            }
            promise.succeed(override)
        }
    }
}
