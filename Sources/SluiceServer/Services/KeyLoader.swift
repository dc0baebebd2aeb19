private import Foundation
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
            let bytes = Array(try self.content(of: file).utf8)
            do throws(KeyError) {
                keys += try JSONWebKeySet(bytes).keys
            } catch {
                throw Failure(description: "auth.jwks.file: \(file): \(error)")
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
        guard let algorithm = TokenAlgorithm(rawValue: key.algorithm.rawValue) else {
            throw Failure(description: "auth.keys: \(key.id): unknown algorithm \(key.algorithm.rawValue)")
        }
        do {
            switch key.material {
            case .secretFile(let path):
                let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                return try VerificationKey(id: key.id, algorithm: algorithm, secretFile: Array(bytes))
            case .publicKey(let path):
                return try VerificationKey(id: key.id, algorithm: algorithm, publicKeyPEM: try self.content(of: path))
            }
        } catch {
            throw Failure(description: "auth.keys: \(key.id): \(error)")
        }
    }

    private static func content(of path: String) throws(Failure) -> String {
        do {
            return try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        } catch {
            throw Failure(description: "\(path): cannot be read")
        }
    }
}
