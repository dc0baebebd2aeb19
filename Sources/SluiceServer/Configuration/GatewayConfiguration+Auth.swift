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
        /// The issuer whose keys are found by discovery.
        package var oidc = OIDC()
        /// The application that knows visitors by itself.
        package var forward = Forward()
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

    /// An issuer that publishes where its keys are (OpenID Connect Discovery).
    package struct OIDC: Sendable, Equatable {
        /// Its `https` address, which is the `iss` of its tokens; nil for none.
        package var issuer: String?
        /// How often it is asked again.
        package var refresh = TimeAmount.minutes(10)
        /// The path of the certificates (PEM) that it is verified by; nil for the system's.
        package var ca: String?

        package init() {}
    }

    /// Where keys are fetched that others keep.
    enum KeyAddress: Sendable, Equatable {
        /// Of a key set.
        case set(String)
        /// Of an issuer, whose certificate is verified by the file `ca`.
        case issuer(String, ca: String?)
    }

    /// Where keys are fetched; nil for nowhere.
    var keyAddress: KeyAddress? {
        self.oidc.issuer.map { .issuer($0, ca: self.oidc.ca) } ?? self.jwks.url.map { .set($0) }
    }

    /// How often keys are read again.
    var keyRefresh: TimeAmount { self.oidc.issuer == nil ? self.jwks.refresh : self.oidc.refresh }

    /// The `iss` that a token must have; nil for any.
    var requiredIssuer: String? { self.oidc.issuer ?? self.issuer }

    /// The application that says who a visitor is.
    package struct Forward: Sendable, Equatable {
        /// The address that it is asked at; nil for none.
        package var url: String?
        /// The fields of a request that it judges.
        package var headers = ["Cookie", "Authorization"]
        /// How long an answer may take.
        package var timeout = TimeAmount.seconds(2)
        /// How long an identity is not asked for again.
        package var cache = TimeAmount.seconds(10)
        /// How often it is asked about a connection that stands.
        package var recheck = TimeAmount.seconds(60)
        /// The path of the certificates (PEM) that it is verified by; nil for the system's.
        package var ca: String?

        package init() {}
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
