internal import NIOSSL
internal import SluiceHTTP

/// Certificates and keys out of the files that the configuration names.
extension TLSContexts {
    /// - Throws: If the files do not hold a certificate and its key.
    convenience init(_ tls: GatewayConfiguration.TLS, offersHTTP2: Bool = false) throws {
        try self.init(Self.material(tls), protocols: (offersHTTP2 ? [HTTP2Choice.name] : []) + ["http/1.1"])
    }

    /// Reads the files again.
    ///
    /// - Throws: If they do not hold a certificate and its key; then the old ones stay.
    func reload(_ tls: GatewayConfiguration.TLS) throws {
        try self.replace(Self.material(tls))
    }

    private static func material(_ tls: GatewayConfiguration.TLS) throws(KeyLoader.Failure) -> Material {
        guard tls.acme.isOn || !tls.allCertificates.isEmpty else {
            throw KeyLoader.Failure(description: "tls.certificate and tls.private_key are needed")
        }
        var material = Material()
        if let files = tls.usualCertificate {
            material.identity = try Self.identity(files)
        }
        for files in tls.certificates {
            material.others.append(try Self.identity(files))
        }
        material.isVersion13Only = tls.minimumVersion == .tls13
        if let path = tls.clientCA {
            material.authorities = ClientAuthorities(try Self.read(path, PEMFile.certificates))
        }
        return material
    }

    private static func identity(_ files: GatewayConfiguration.CertificateFiles) throws(KeyLoader.Failure) -> Identity {
        let chain = try Self.read(files.certificate, PEMFile.certificates)
        let privateKey = try Self.read(files.privateKey, PEMFile.privateKey)
        guard PEMFile.isPair(chain[0], privateKey) else {
            throw KeyLoader.Failure(description: "\(files.privateKey) does not belong to \(files.certificate)")
        }
        return Identity(chain: chain, privateKey: privateKey)
    }

    static func read<Made>(
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
