import Crypto
import CryptoExtras
import SluiceBase

/// The keys of a JWK set (RFC 7517) that can verify tokens.
///
/// Entries of another kind, use or curve are skipped, never fatal: an issuer may publish kinds that are unknown here.
/// An entry without `alg` gets the algorithm that its type implies, never one that a token names. A member that is
/// `null` counts as absent.
package struct JSONWebKeySet: Sendable {
    /// A longer text than this is refused.
    package static let maximumBytes = 1_048_576
    /// Entries beyond this many are passed over: a token without `kid` tries every key of its algorithm.
    package static let maximumKeyCount = 100
    /// Of more entries than this the reasons are not kept.
    package static let maximumNoteCount = 20

    /// An entry that is of no use here.
    package struct PassedOver: Sendable, Hashable, CustomStringConvertible {
        /// The longest `kid` that is shown, in characters.
        private static let maximumShownCount = 64

        /// Its place in the set, from 0.
        package let index: Int
        /// Its `kid`, cut off and without characters that could act on a log or a terminal; `nil` if it has none.
        package let keyID: String?
        /// Why it is of no use, in words that can stand behind its place.
        package let reason: String

        init(index: Int, keyID: String?, reason: String) {
            self.index = index
            self.keyID = keyID.map { name in
                String(
                    String.UnicodeScalarView(
                        name.unicodeScalars.prefix(Self.maximumShownCount)
                            .map { scalar in
                                switch scalar.properties.generalCategory {
                                case .control, .format, .lineSeparator, .paragraphSeparator: "?"
                                default: scalar
                                }
                            }
                    )
                )
            }
            self.reason = reason
        }

        package var description: String {
            "entry \(self.index)\(self.keyID.map { " (kid \($0))" } ?? "") \(self.reason)"
        }
    }

    /// Why an entry is passed over.
    private struct Unusable: Error {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    /// The keys that are of use, in the order of the set.
    package private(set) var keys: [VerificationKey] = []
    /// The first entries that were passed over, and why.
    package private(set) var passedOver: [PassedOver] = []
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
        let set: JSONNode
        do throws(JSONFault) {
            set = try JSONReader.object(bytes, .strict(maximumDepth: 16, maximumMemberCount: 64))
        } catch {
            throw KeyError(Self.words(for: error))
        }
        guard case .array(let entries)? = set["keys"]?.value else {
            throw KeyError("is not a JWK set: \"keys\" is no array")
        }
        for (index, entry) in entries.enumerated() {
            do throws(Unusable) {
                guard self.keys.count < Self.maximumKeyCount else {
                    throw Unusable("comes after \(Self.maximumKeyCount) others")
                }
                self.keys.append(try Self.key(entry))
            } catch {
                self.passedOverCount += 1
                if self.passedOver.count < Self.maximumNoteCount {
                    let keyID = entry["kid"]?.string
                    self.passedOver.append(PassedOver(index: index, keyID: keyID, reason: error.reason))
                }
            }
        }
    }

    private static func words(for fault: JSONFault) -> String {
        switch fault.kind {
        case .tooDeep:
            "is nested too deep"
        case .duplicateName:
            "has an object with the same name twice"
        case .notAnObject:
            "is not a JSON object"
        default:
            "is not JSON: see byte \(fault.offset)"
        }
    }

    private static func key(_ entry: JSONNode) throws(Unusable) -> VerificationKey {
        guard entry.isObject else {
            throw Unusable("is no object")
        }
        try Self.checkUse(entry)
        let id = try entry.present("kid")
            .map { value throws(Unusable) in
                guard let id = value.string else {
                    throw Unusable("has a kid that is no string")
                }
                return id
            }
        let (implied, material) = try Self.material(entry)
        guard let named = entry.present("alg") else {
            return VerificationKey(id: id, algorithm: implied, material: material)
        }
        guard let algorithm = named.string.flatMap(TokenAlgorithm.init(rawValue:)) else {
            throw Unusable("has an alg that is not known for signatures")
        }
        guard Self.fits(algorithm, implied: implied) else {
            throw Unusable("has an alg that is not one of its kty and crv")
        }
        return VerificationKey(id: id, algorithm: algorithm, material: material)
    }

    /// RFC 7517 sections 4.2 and 4.3.
    private static func checkUse(_ entry: JSONNode) throws(Unusable) {
        if let use = entry.present("use"), use.string != "sig" {
            throw Unusable("has a use that is not sig")
        }
        if let operations = entry.present("key_ops"), operations.strings?.contains("verify") != true {
            throw Unusable("has key_ops without verify")
        }
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
    private static func material(
        _ entry: JSONNode
    ) throws(Unusable) -> (TokenAlgorithm, VerificationKey.Material) {
        switch entry["kty"]?.string {
        case "RSA":
            let modulus = try Self.bytes("n", entry)
            let exponent = try Self.bytes("e", entry)
            guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else {
                throw Unusable("is no RSA key of \(VerificationKey.minimumRSABits) bits or more")
            }
            return (.rs256, .rsa(key))
        case "EC":
            return try Self.curveMaterial(entry)
        case "OKP":
            guard entry["crv"]?.string == "Ed25519" else {
                throw Unusable("has a crv that is not known for signatures: not Ed25519")
            }
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: try Self.bytes("x", entry)) else {
                throw Unusable("is no Ed25519 key: see its x")
            }
            return (.edDSA, .ed25519(key))
        case "oct":
            throw Unusable("is a shared secret, which has no place in a published set")
        default:
            throw Unusable("has a kty that is not known: not RSA, EC or OKP")
        }
    }

    /// RFC 7518 section 6.2.1: both coordinates, each of the curve's full length.
    private static func curveMaterial(
        _ entry: JSONNode
    ) throws(Unusable) -> (TokenAlgorithm, VerificationKey.Material) {
        let curve = entry["crv"]?.string
        guard let curve, ["P-256", "P-384", "P-521"].contains(curve) else {
            throw Unusable("has a crv that is not known for signatures: not P-256, P-384 or P-521")
        }
        let x = try Self.bytes("x", entry)
        let y = try Self.bytes("y", entry)
        let point = x + y
        var found: (TokenAlgorithm, VerificationKey.Material)?
        if x.count == y.count {
            found =
                switch curve {
                case "P-256":
                    (try? P256.Signing.PublicKey(rawRepresentation: point)).map { (.es256, .p256($0)) }
                case "P-384":
                    (try? P384.Signing.PublicKey(rawRepresentation: point)).map { (.es384, .p384($0)) }
                default:
                    (try? P521.Signing.PublicKey(rawRepresentation: point)).map { (.es512, .p521($0)) }
                }
        }
        guard let found else {
            throw Unusable("is no key of \(curve): see its x and y")
        }
        return found
    }

    private static func bytes(_ name: String, _ entry: JSONNode) throws(Unusable) -> [UInt8] {
        guard let bytes = entry[name]?.string.flatMap({ Base64URL.decode($0.utf8) }) else {
            throw Unusable("has no \(name) in base64url")
        }
        return bytes
    }
}
