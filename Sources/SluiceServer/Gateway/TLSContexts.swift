internal import NIOCore
internal import NIOSSL
internal import SluiceHTTP
internal import Synchronization

/// The TLS context in force, and how one is made.
///
/// A new one holds for the connections after it.
final class TLSContexts: Sendable {
    /// Forward-secret, with authenticated encryption: what is left of TLS 1.2 (RFC 9325, section 4.2).
    private static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    .joined(separator: ":")

    /// A context, and whose clients' certificates it takes.
    struct Current: Sendable {
        let context: NIOSSLContext
        /// nil where no client is asked for a certificate.
        let authorities: ClientAuthorities?
    }

    private let state: Mutex<Current>

    /// - Throws: If the files do not hold a certificate and its key.
    init(_ tls: GatewayConfiguration.TLS, expiry: CertificateExpiry) throws {
        self.state = Mutex(try Self.makeContext(tls, expiry: expiry))
    }

    /// The context for the next connection.
    var current: Current { self.state.withLock { $0 } }

    /// Reads the files again.
    ///
    /// - Throws: If they do not hold a certificate and its key; then the old ones stay.
    func reload(_ tls: GatewayConfiguration.TLS, expiry: CertificateExpiry) throws {
        let fresh = try Self.makeContext(tls, expiry: expiry)
        self.state.withLock { $0 = fresh }
    }

    private static func makeContext(
        _ tls: GatewayConfiguration.TLS,
        expiry: CertificateExpiry
    ) throws -> Current {
        guard let certificate = tls.certificate, let key = tls.privateKey else {
            throw KeyLoader.Failure(description: "tls.certificate and tls.private_key are needed")
        }
        let chain = try Self.read(certificate, PEMFile.certificates)
        let privateKey = try Self.read(key, PEMFile.privateKey)
        guard PEMFile.isPair(chain[0], privateKey) else {
            throw KeyLoader.Failure(description: "\(key) does not belong to \(certificate)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(privateKey)
        )
        configuration.minimumTLSVersion = tls.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        configuration.cipherSuites = Self.cipherSuites
        configuration.applicationProtocols = ["http/1.1"]
        configuration.renegotiationSupport = .none
        let authorities = try tls.clientCA.map { ClientAuthorities(try Self.read($0, PEMFile.certificates)) }
        if let authorities {
            configuration.trustRoots = .certificates(authorities.certificates)
            configuration.certificateVerification = .optionalVerification
        }
        let context = try NIOSSLContext(configuration: configuration)
        expiry.set(chain.first)
        return Current(context: context, authorities: authorities)
    }

    private static func read<Made>(
        _ path: String,
        _ make: ([UInt8]) throws(ConfigurationProblem) -> Made
    ) throws(KeyLoader.Failure) -> Made {
        let content: FileContent
        do throws(ConfigurationProblem) {
            content = try FileContent(path: path, limit: FileContent.maximumKeyBytes)
        } catch {
            throw KeyLoader.Failure(description: "\(error.message): \(path)")
        }
        do throws(ConfigurationProblem) {
            return try make(content.bytes)
        } catch {
            throw KeyLoader.Failure(description: "\(path) \(error.message)")
        }
    }
}
