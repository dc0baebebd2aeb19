internal import NIOSSL
internal import SluiceHTTP

/// Certificates and keys out of the files that the configuration names.
extension TLSContexts {
    /// - Throws: If the files do not hold a certificate and its key.
    convenience init(_ tls: GatewayConfiguration.TLS) throws {
        try self.init(Self.material(tls))
    }

    /// Reads the files again.
    ///
    /// - Throws: If they do not hold a certificate and its key; then the old ones stay.
    func reload(_ tls: GatewayConfiguration.TLS) throws {
        try self.replace(Self.material(tls))
    }

    private static func material(_ tls: GatewayConfiguration.TLS) throws(KeyLoader.Failure) -> Material {
        guard let certificate = tls.certificate, let key = tls.privateKey else {
            throw KeyLoader.Failure(description: "tls.certificate and tls.private_key are needed")
        }
        let chain = try Self.read(certificate, PEMFile.certificates)
        let privateKey = try Self.read(key, PEMFile.privateKey)
        guard PEMFile.isPair(chain[0], privateKey) else {
            throw KeyLoader.Failure(description: "\(key) does not belong to \(certificate)")
        }
        var material = Material(chain: chain, privateKey: privateKey)
        material.isVersion13Only = tls.minimumVersion == .tls13
        if let path = tls.clientCA {
            material.authorities = ClientAuthorities(try Self.read(path, PEMFile.certificates))
        }
        return material
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
