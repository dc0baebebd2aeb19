import Crypto
import CryptoExtras

/// The keys of a JWK set (RFC 7517) that can verify tokens.
///
/// Entries of another kind, use or curve are passed over, never fatal: an issuer may publish what we do not know. An
/// entry without `alg` gets the algorithm that its type implies, never one that a token names.
package struct JSONWebKeySet: Sendable {
    /// A longer text than this is refused.
    package static let maximumBytes = 1_048_576
    /// Entries beyond this many are passed over: a token without `kid` tries every key of its algorithm.
    package static let maximumKeyCount = 100

    /// The keys that are of use, in the order of the set.
    package private(set) var keys: [VerificationKey] = []
    /// How many entries were passed over.
    package private(set) var passedOverCount = 0

    /// Reads a set.
    ///
    /// - Parameter bytes: The JSON text.
    /// - Throws: ``KeyError`` if the text is no JWK set at all, or too long.
    package init(_ bytes: [UInt8]) throws(KeyError) {
        guard bytes.count <= Self.maximumBytes else {
            throw KeyError("is longer than \(Self.maximumBytes) bytes")
        }
        let set: JSONObject
        do throws(JSONReader.Failure) {
            set = try JSONReader.object(bytes, maximumDepth: 16, maximumMemberCount: 64)
        } catch {
            throw KeyError(Self.words(for: error))
        }
        guard case .array(let entries) = set["keys"] else {
            throw KeyError("is not a JWK set: \"keys\" is no array")
        }
        for entry in entries {
            if self.keys.count < Self.maximumKeyCount, case .object(let entry) = entry, let key = Self.key(entry) {
                self.keys.append(key)
            } else {
                self.passedOverCount += 1
            }
        }
    }

    private static func words(for failure: JSONReader.Failure) -> String {
        switch failure {
        case .syntax(let offset):
            "is not JSON: see byte \(offset)"
        case .depth:
            "is nested too deep"
        case .duplicateName:
            "has an object with the same name twice"
        case .notAnObject:
            "is not a JSON object"
        }
    }

    private static func key(_ entry: JSONObject) -> VerificationKey? {
        guard Self.isForVerifying(entry) else {
            return nil
        }
        let id: String?
        switch entry["kid"] {
        case .none:
            id = nil
        case .string(let name):
            id = name
        case .null, .bool, .number, .array, .object:
            return nil
        }
        guard let (implied, material) = Self.material(entry) else {
            return nil
        }
        guard let named = entry["alg"] else {
            return VerificationKey(id: id, algorithm: implied, material: material)
        }
        guard let algorithm = named.string.flatMap(TokenAlgorithm.init(rawValue:)),
            Self.fits(algorithm, implied: implied)
        else {
            return nil
        }
        return VerificationKey(id: id, algorithm: algorithm, material: material)
    }

    /// RFC 7517 sections 4.2 and 4.3.
    private static func isForVerifying(_ entry: JSONObject) -> Bool {
        if let use = entry["use"], use.string != "sig" {
            return false
        }
        if let operations = entry["key_ops"], operations.strings?.contains("verify") != true {
            return false
        }
        return true
    }

    /// An RSA key serves six algorithms, every other key one.
    private static func fits(_ algorithm: TokenAlgorithm, implied: TokenAlgorithm) -> Bool {
        switch algorithm {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            implied == .rs256
        case .hs256, .hs384, .hs512, .es256, .es384, .es512, .edDSA:
            implied == algorithm
        }
    }

    /// The key, and the algorithm that its type implies.
    ///
    /// A symmetric key (`oct`) has no place in a published set.
    private static func material(_ entry: JSONObject) -> (TokenAlgorithm, VerificationKey.Material)? {
        switch entry["kty"]?.string {
        case "RSA":
            guard let modulus = Self.bytes(entry["n"]), let exponent = Self.bytes(entry["e"]),
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else {
                return nil
            }
            return (.rs256, .rsa(key))
        case "EC":
            return Self.curveMaterial(entry)
        case "OKP":
            guard entry["crv"]?.string == "Ed25519", let point = Self.bytes(entry["x"]),
                let key = try? Curve25519.Signing.PublicKey(rawRepresentation: point)
            else {
                return nil
            }
            return (.edDSA, .ed25519(key))
        default:
            return nil
        }
    }

    /// RFC 7518 section 6.2.1: both coordinates, each of the curve's full length.
    private static func curveMaterial(_ entry: JSONObject) -> (TokenAlgorithm, VerificationKey.Material)? {
        guard let x = Self.bytes(entry["x"]), let y = Self.bytes(entry["y"]), x.count == y.count else {
            return nil
        }
        let point = x + y
        switch entry["crv"]?.string {
        case "P-256":
            return (try? P256.Signing.PublicKey(rawRepresentation: point)).map { (.es256, .p256($0)) }
        case "P-384":
            return (try? P384.Signing.PublicKey(rawRepresentation: point)).map { (.es384, .p384($0)) }
        case "P-521":
            return (try? P521.Signing.PublicKey(rawRepresentation: point)).map { (.es512, .p521($0)) }
        default:
            return nil
        }
    }

    private static func bytes(_ value: JSONValue?) -> [UInt8]? {
        value?.string.flatMap { Base64URL.decode($0.utf8) }
    }
}
