internal import NIOCore
internal import SluiceAdmission

/// Reads the keys that the configuration names.
enum KeyLoader {
    /// Why keys could not be loaded; says which and what to do.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// The keys for posting.
    static func ingestKeys(_ auth: GatewayConfiguration.Auth) throws(Failure) -> [IngestKey] {
        var keys: [IngestKey] = []
        for key in auth.ingestKeys {
            do throws(KeyError) {
                let digest = key.sha256.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
                keys.append(
                    try IngestKey(name: key.name, sha256: digest, scans: key.scans.map { ScanPattern($0) })
                )
            } catch {
                throw Failure(description: "auth.ingest_keys: \(key.name): \(error)")
            }
        }
        return keys
    }

    /// The keys that tokens are verified with: those of files, then those of a key set.
    static func verifier(
        _ auth: GatewayConfiguration.Auth,
        keySet: [VerificationKey]
    ) throws(Failure) -> TokenVerifier {
        var keys: [VerificationKey] = []
        for key in auth.keys {
            keys.append(try self.key(key))
        }
        if let file = auth.jwks.file {
            let bytes = try self.content(of: file)
            do throws(KeyError) {
                keys += try JSONWebKeySet(bytes).keys
            } catch {
                throw Failure(description: "auth.jwks.file: \(file) \(error)")
            }
        }
        return TokenVerifier(
            keys: keys + keySet,
            issuer: auth.issuer,
            audience: auth.audience,
            leeway: auth.leeway.seconds
        )
    }

    /// One key of a file.
    static func key(_ key: GatewayConfiguration.Auth.Key) throws(Failure) -> VerificationKey {
        let path: String
        switch key.material {
        case .secretFile(let file), .publicKey(let file):
            path = file
        }
        let bytes = try self.content(of: path)
        do throws(KeyError) {
            return try self.key(id: key.id, key.algorithm, key.material, bytes)
        } catch {
            throw Failure(description: "auth.keys: \(key.id): \(path) \(error)")
        }
    }

    /// A key of the content of its file.
    static func key(
        id: String,
        _ algorithm: GatewayConfiguration.Auth.Algorithm,
        _ material: GatewayConfiguration.Auth.Key.Material,
        _ content: [UInt8]
    ) throws(KeyError) -> VerificationKey {
        // The configuration knows the same algorithms by the same names.
        guard let algorithm = TokenAlgorithm(rawValue: algorithm.rawValue) else {
            preconditionFailure("\(algorithm.rawValue) is no algorithm of tokens")
        }
        switch material {
        case .secretFile:
            return try VerificationKey(id: id, algorithm: algorithm, secretFile: content)
        case .publicKey:
            let text = String(decoding: content, as: UTF8.self)
            return try VerificationKey(id: id, algorithm: algorithm, publicKeyPEM: text)
        }
    }

    private static func content(of path: String) throws(Failure) -> [UInt8] {
        do throws(ConfigurationProblem) {
            return try FileContent(path: path, limit: FileContent.maximumKeyBytes).bytes
        } catch {
            throw Failure(description: "\(error.message): \(path)")
        }
    }
}
