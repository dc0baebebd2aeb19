internal import NIOCore
internal import SluiceAdmission

/// Reads the keys that the configuration names.
enum KeyLoader {
    /// Why keys could not be loaded; says which, and how to fix it.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// All keys of files, and the rules of tokens.
    struct Loaded: Sendable {
        var auth: GatewayConfiguration.Auth
        /// Keys of secrets and public keys.
        var keys: [VerificationKey]
        /// The key set of a file; nil if none is named.
        var fileSet: JSONWebKeySet?
        var ingestKeys: [IngestKey]

        /// Judges tokens by these keys and those of a key set that was fetched.
        func verifier(fetched: [VerificationKey] = []) -> TokenVerifier {
            TokenVerifier(
                keys: self.keys + (self.fileSet?.keys ?? []) + fetched,
                issuer: self.auth.requiredIssuer,
                audience: self.auth.audience,
                leeway: self.auth.leeway.seconds,
                claims: self.auth.claims
            )
        }
    }

    /// Reads all files.
    static func load(_ auth: GatewayConfiguration.Auth) throws(Failure) -> Loaded {
        var keys: [VerificationKey] = []
        for key in auth.keys {
            keys.append(try self.key(key))
        }
        return Loaded(
            auth: auth,
            keys: keys,
            fileSet: try self.fileSet(auth),
            ingestKeys: try self.ingestKeys(auth)
        )
    }

    /// The key set of a file; nil if none is named.
    static func fileSet(_ auth: GatewayConfiguration.Auth) throws(Failure) -> JSONWebKeySet? {
        guard let file = auth.jwks.file else {
            return nil
        }
        let bytes = try self.content(of: file)
        do throws(KeyError) {
            return try JSONWebKeySet(bytes)
        } catch {
            throw Failure(description: "auth.jwks.file: \(file) \(error)")
        }
    }

    /// The keys for posting.
    private static func ingestKeys(_ auth: GatewayConfiguration.Auth) throws(Failure) -> [IngestKey] {
        var keys: [IngestKey] = []
        for key in auth.ingestKeys {
            do throws(KeyError) {
                keys.append(
                    try IngestKey(name: key.name, sha256: key.sha256, scans: key.scans.map { ScanPattern($0) })
                )
            } catch {
                throw Failure(description: "auth.ingest_keys: \(key.name): \(error)")
            }
        }
        return keys
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
        _ algorithm: TokenAlgorithm,
        _ material: GatewayConfiguration.Auth.Key.Material,
        _ content: [UInt8]
    ) throws(KeyError) -> VerificationKey {
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
