import SluiceBase
import Testing

@testable import SluiceAdmission

@Suite struct TokenVerifierTests {
    static func vectorKeys(named: Bool) throws -> [VerificationKey] {
        try TokenAlgorithm.allCases.map { algorithm in
            let id = named ? "k-\(algorithm.rawValue)" : nil
            guard !algorithm.isSymmetric else {
                return try VerificationKey(id: id, algorithm: algorithm, secret: Array(TokenVectors.secret.utf8))
            }
            let pem =
                switch algorithm {
                case .es256: TokenVectors.p256PEM
                case .es384: TokenVectors.p384PEM
                case .es512: TokenVectors.p521PEM
                case .edDSA: TokenVectors.ed25519PEM
                default: TokenVectors.rsaPEM
                }
            return try VerificationKey(id: id, algorithm: algorithm, publicKeyPEM: pem)
        }
    }

    @Test(arguments: TokenVectors.vectors)
    func `a token of another implementation is accepted`(vector: TokenVectors.Vector) throws {
        for (token, named) in [(vector.pyJWT, true), (vector.joserfc, true), (vector.joserfc, false)] {
            let verifier = TokenVerifier(
                keys: try Self.vectorKeys(named: named),
                issuer: "https://idp.example",
                audience: "sluice"
            )
            let identity = try verifier.verify(token, now: TokenForge.now)
            #expect(identity.subject == "alice")
            #expect(identity.kind == .token)
            #expect(identity.canIngest)
            #expect(!identity.isAdmin)
            #expect(identity.scans == [ScanPattern("a-*"), ScanPattern("b")])
            #expect(identity.tokenID == "t-1")
            #expect(identity.issuedAt == 1_700_000_000)
        }
    }

    @Test(arguments: TokenAlgorithm.allCases)
    func `a key accepts its own algorithm and no other`(algorithm: TokenAlgorithm) throws {
        let token = TokenForge.token(algorithm: algorithm)
        for other in TokenAlgorithm.allCases {
            let verifier = TokenVerifier(keys: [try TestKeys.key(other)])
            if other == algorithm {
                #expect(try verifier.verify(token, now: TokenForge.now).subject == "alice")
            } else {
                #expect(throws: TokenError(.algorithm)) { try verifier.verify(token, now: TokenForge.now) }
            }
        }
    }

    @Test(arguments: TokenAlgorithm.allCases)
    func `a token with any bit of its signature turned is refused`(algorithm: TokenAlgorithm) throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(algorithm)])
        let text = "\(TokenForge.part("{\"alg\":\"\(algorithm.rawValue)\"}")).\(TokenForge.part(TokenForge.claims))"
        let signature = TestKeys.sign(Array(text.utf8), algorithm)
        for index in signature.indices {
            var turned = signature
            turned[index] ^= 1 << UInt8(index % 8)
            #expect(throws: TokenError(.signature)) {
                try verifier.verify("\(text).\(Base64URL.encode(turned))", now: TokenForge.now)
            }
        }
    }

    @Test(
        arguments: [
            ("before its end", #"{"sub":"a","exp":1800000001}"#, nil),
            ("within the leeway after its end", #"{"sub":"a","exp":1799999970.5}"#, nil),
            ("at its end and leeway", #"{"sub":"a","exp":1799999970}"#, TokenError.Reason.expired),
            ("ended long ago", #"{"sub":"a","exp":1}"#, .expired),
            ("ended before there was time", #"{"sub":"a","exp":-1}"#, .expired),
            ("without a real end", #"{"sub":"a","exp":1e300}"#, nil),
            ("in exponent form", #"{"sub":"a","exp":18.00000600e8}"#, nil),
            ("starting within the leeway", #"{"sub":"a","exp":1800000600,"nbf":1800000030}"#, nil),
            ("starting later", #"{"sub":"a","exp":1800000600,"nbf":1800000030.5}"#, .notYetValid),
            ("issued within the leeway", #"{"sub":"a","exp":1800000600,"iat":1800000029}"#, nil),
            ("issued later", #"{"sub":"a","exp":1800000600,"iat":1800000031}"#, .notYetValid),
        ] as [(String, String, TokenError.Reason?)]
    )
    func `times are judged with the leeway`(name: String, claims: String, reason: TokenError.Reason?) throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let token = TokenForge.token(claims: claims)
        if let reason {
            let error = #expect(throws: TokenError.self) { try verifier.verify(token, now: TokenForge.now) }
            #expect(error?.reason == reason)
        } else {
            #expect(throws: Never.self) { try verifier.verify(token, now: TokenForge.now) }
        }
    }

    @Test func `an end beyond 2255 is cut off, so that it can be counted in nanoseconds`() throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let token = TokenForge.token(claims: #"{"sub":"a","exp":1e300}"#)
        let expiresAt = try #require(try verifier.verify(token, now: TokenForge.now).expiresAt)
        #expect(Int64(expiresAt * 1_000_000_000) > 0)
    }

    @Test(
        arguments: [
            (#""iss":"https://idp""#, #""aud":"sluice""#, nil),
            (#""iss":"https://idp""#, #""aud":["x","sluice"]"#, nil),
            (#""iss":"https://idp/""#, #""aud":"sluice""#, TokenError.Reason.issuer),
            (#""x":1"#, #""aud":"sluice""#, .issuer),
            (#""iss":["https://idp"]"#, #""aud":"sluice""#, .claims),
            (#""iss":"https://idp""#, #""aud":"sluice2""#, .audience),
            (#""iss":"https://idp""#, #""aud":[]"#, .audience),
            (#""iss":"https://idp""#, #""x":1"#, .audience),
            (#""iss":"https://idp""#, #""aud":["sluice",1]"#, .claims),
            (#""iss":"https://idp""#, #""aud":{"sluice":1}"#, .claims),
        ] as [(String, String, TokenError.Reason?)]
    )
    func `issuer and audience are checked where configured`(
        issuer: String,
        audience: String,
        reason: TokenError.Reason?
    ) throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)], issuer: "https://idp", audience: "sluice")
        let token = TokenForge.token(claims: #"{"sub":"a","exp":1800000600,\#(issuer),\#(audience)}"#)
        if let reason {
            let error = #expect(throws: TokenError.self) { try verifier.verify(token, now: TokenForge.now) }
            #expect(error?.reason == reason)
        } else {
            #expect(throws: Never.self) { try verifier.verify(token, now: TokenForge.now) }
        }
    }

    @Test(arguments: [
        (#"{"exp":1800000600}"#, "sub is missing"), (#"{"sub":null,"exp":1800000600}"#, "sub is missing"),
        (#"{"sub":7,"exp":1800000600}"#, "sub is no string"), (#"{"sub":"a"}"#, "exp is missing"),
        (#"{"sub":"","exp":1800000600}"#, "sub is empty, longer than 256 bytes, or has control characters"),
        (#"{"sub":"a","exp":"1800000600"}"#, "exp is no number of seconds"),
        (#"{"sub":"a","exp":1800000600,"nbf":"0"}"#, "nbf is no number of seconds"),
        (#"{"sub":"a","exp":1800000600,"iat":[]}"#, "iat is no number of seconds"),
        (#"{"sub":"a","exp":1800000600,"iss":["x"]}"#, "iss is no string"),
        (#"{"sub":"a","exp":1800000600,"aud":["x",1]}"#, "aud is no string, and no array of strings"),
        (#"{"sub":"a","exp":1800000600,"jti":7}"#, "jti is no string"),
        (#"{"sub":"a","exp":1800000600,"roles":["admin",1]}"#, "roles is no string, and no array of strings"),
        (#"{"sub":"a","exp":1800000600,"scans":{"a":1}}"#, "scans is no string, and no array of strings"),
        (#"{"sub":"a","exp":1800000600,"scope":7}"#, "scope is no string, and no array of strings"),
    ])
    func `a claim that makes a token invalid is named`(claims: String, expected: String) throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let error = #expect(throws: TokenError.self) {
            try verifier.verify(TokenForge.token(claims: claims), now: TokenForge.now)
        }
        #expect(error?.reason == .claims)
        #expect(error?.claim.map { "\($0.name) \($0.fault)" } == expected)
    }

    @Test func `a claim that is null is an absent one`() throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let names = ["nbf", "iat", "iss", "aud", "jti", "roles", "scans", "scope"]
        let nulls = names.map { "\"\($0)\":null" }.joined(separator: ",")
        let bare = try verifier.verify(TokenForge.token(claims: #"{"sub":"a","exp":1800000600}"#), now: TokenForge.now)
        let token = TokenForge.token(claims: #"{"sub":"a","exp":1800000600,\#(nulls)}"#)
        #expect(try verifier.verify(token, now: TokenForge.now) == bare)
    }

    @Test func `a name chooses among keys, and an unknown one is told apart`() throws {
        let other = Array(repeating: UInt8(7), count: 32)
        let keys = [
            try VerificationKey(id: "old", algorithm: .hs256, secret: other),
            try TestKeys.key(.hs256, id: "new"),
            try TestKeys.key(.es256, id: "new"),
        ]
        let verifier = TokenVerifier(keys: keys)
        func verify(_ header: String, _ algorithm: TokenAlgorithm = .hs256) throws(TokenError) -> Identity {
            try verifier.verify(TokenForge.token(header: header, algorithm: algorithm), now: TokenForge.now)
        }
        #expect(throws: Never.self) { try verify(#"{"alg":"HS256","kid":"new"}"#) }
        #expect(throws: Never.self) { try verify(#"{"alg":"ES256","kid":"new"}"#, .es256) }
        #expect(throws: Never.self) { try verify(#"{"alg":"HS256"}"#) }
        #expect(throws: TokenError(.signature)) { try verify(#"{"alg":"HS256","kid":"old"}"#) }
        #expect(throws: TokenError(.algorithm)) { try verify(#"{"alg":"RS256","kid":"new"}"#, .rs256) }
        let error = #expect(throws: TokenError.self) { try verify(#"{"alg":"HS256","kid":"newer"}"#) }
        #expect(error?.isUnknownKey == true)
    }

    @Test func `a key without a name serves tokens of any name, if it verifies them`() throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let token = TokenForge.token(header: #"{"alg":"HS256","kid":"any"}"#)
        #expect(throws: Never.self) { try verifier.verify(token, now: TokenForge.now) }
        let foreign = TokenForge.token(header: #"{"alg":"HS256","kid":"any"}"#, secret: Array(repeating: 1, count: 32))
        #expect(throws: TokenError(.unknownKey)) { try verifier.verify(foreign, now: TokenForge.now) }
    }

    @Test func `roles and scope give rights only by their exact words`() throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        func identity(_ more: String) throws -> Identity {
            let token = TokenForge.token(claims: #"{"sub":"a","exp":1800000600,\#(more)}"#)
            return try verifier.verify(token, now: TokenForge.now)
        }
        #expect(try identity(#""roles":["x","admin"]"#).isAdmin)
        #expect(try !identity(#""roles":["Admin","administrator",""]"#).isAdmin)
        #expect(try identity(#""scope":"read ingest write""#).canIngest)
        #expect(try !identity(#""scope":"ingestion INGEST""#).canIngest)
        #expect(try identity(#""scans":[]"#).scans == [])
        #expect(try identity(#""realm_access":{"roles":["admin"]},"x":[[1]]"#).isAdmin == false)
    }

    @Test func `one more of what nobody knows does not matter`() throws {
        let verifier = TokenVerifier(keys: [try TestKeys.key(.hs256)])
        let header = #"{"alg":"HS256","typ":"application/AT+JWT","cty":"x","x":[{"y":null}],"zz":true}"#
        #expect(throws: Never.self) { try verifier.verify(TokenForge.token(header: header), now: TokenForge.now) }
    }
}
