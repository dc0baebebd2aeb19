package import NIOCore
package import SluiceAdmission

extension GatewayConfiguration {
    /// Whose tokens and keys are believed.
    package struct Auth: Sendable, Equatable {
        /// The `iss` that a token must have; nil for any.
        package var issuer: String?
        /// A value that the `aud` of a token must contain; nil for any.
        package var audience: String?
        /// How far `exp`, `nbf` and `iat` may be off.
        package var leeway = TimeAmount.seconds(30)
        /// The cookie that may carry a token; nil for none.
        package var cookie: String?
        /// Whether a token may stand in a URL.
        package var queryToken = true
        /// Where the claims of tokens stand, and which roles mean what.
        package var claims = ClaimRules()
        /// Keys that sign tokens.
        package var keys: [Key] = []
        /// More keys, kept by others.
        package var jwks = JWKS()
        /// Keys of scanners, known by their digest.
        package var ingestKeys: [IngestKey] = []

        package init() {}
    }
}

extension GatewayConfiguration.Auth {
    /// One key that signs tokens.
    package struct Key: Sendable, Equatable {
        /// The place of the key.
        package enum Material: Sendable, Equatable {
            /// The path of a file that is the shared secret (a newline at its end is not part of it).
            case secretFile(String)
            /// The path of a public key (PEM).
            case publicKey(String)
        }

        /// The `kid` of its tokens.
        package var id: String
        /// The one algorithm of this key, which its tokens cannot choose (RFC 8725 section 3.1).
        package var algorithm: TokenAlgorithm
        /// The place of the key.
        package var material: Material

        package init(id: String, algorithm: TokenAlgorithm, material: Material) {
            self.id = id
            self.algorithm = algorithm
            self.material = material
        }

        /// A shared secret that signs by HS256.
        package init(id: String, secretFile: String) {
            self.init(id: id, algorithm: .hs256, material: .secretFile(secretFile))
        }
    }

    /// A JSON Web Key Set, from a file or an address.
    package struct JWKS: Sendable, Equatable {
        /// The path of the set; nil for none.
        package var file: String?
        /// The `http` or `https` address of the set; nil for none.
        package var url: String?
        /// How often the set is read again.
        package var refresh = TimeAmount.minutes(10)

        package init() {}
    }

    /// A scanner's key, kept as its SHA-256.
    package struct IngestKey: Sendable, Equatable {
        /// Its name in logs and metrics.
        package var name: String
        /// The 32 bytes of the key's SHA-256.
        package var sha256: [UInt8]
        /// Scan ids or globs that the key may post to.
        package var scans: [String]

        package init(name: String, sha256: [UInt8], scans: [String] = ["*"]) {
            self.name = name
            self.sha256 = sha256
            self.scans = scans
        }
    }
}
