internal import Crypto
internal import NIOCore
internal import SluiceBase

/// The key of an account with an authority: it signs requests, and is all that proves whose the account is.
struct ACMEAccountKey: Sendable {
    private let key: P256.Signing.PrivateKey

    /// A new one.
    init() {
        self.key = P256.Signing.PrivateKey()
    }

    /// - Parameter pem: The key as ``pem`` wrote it.
    /// - Throws: If it is no key of P-256.
    init(pem: String) throws {
        self.key = try P256.Signing.PrivateKey(pemRepresentation: pem)
    }

    /// The key as text.
    var pem: String { self.key.pemRepresentation + "\n" }

    /// The public key's fingerprint (RFC 7638), which is part of every proof.
    var thumbprint: String { Base64URL.encode(SHA256.hash(data: Array(self.publicKey.utf8)).map { $0 }) }

    /// What proves, for a token of a challenge, that it was asked for by this account (RFC 8555 section 8.1).
    func authorization(of token: String) -> String {
        "\(token).\(self.thumbprint)"
    }

    /// The public key as JSON, its members in the order that fingerprints need (RFC 7638 section 3.2).
    private var publicKey: String {
        // Without the byte in front, which says that both coordinates follow whole.
        let point = self.key.publicKey.x963Representation.dropFirst()
        let (x, y) = (Base64URL.encode(point.prefix(32)), Base64URL.encode(point.suffix(32)))
        return #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
    }

    /// A request's body (RFC 8555 section 6.2): what is asked, signed for this address and this once.
    ///
    /// - Parameters:
    ///   - payload: What is asked, in JSON; empty only reads (section 6.3).
    ///   - url: The address that it is sent to.
    ///   - nonce: A value of the authority's that was not used yet.
    ///   - account: The account's address; nil while that is not known, and the whole key is sent.
    /// - Returns: The body, a JSON Web Signature in its flattened form (RFC 7515 section 7.2.2).
    /// - Throws: Never for a key that is one.
    func sign(_ payload: [UInt8], for url: String, nonce: String, account: String?) throws -> [UInt8] {
        var header = JSONWriter()
        header.beginObject()
        header.member("alg", "ES256")
        if let account {
            header.member("kid", account)
        } else {
            var key = JSONWriter().buffer
            key.writeString(self.publicKey)
            header.name("jwk")
            header.raw(key)
        }
        header.member("nonce", nonce)
        header.member("url", url)
        header.endObject()
        let (head, text) = (Base64URL.encode(header.bytes), Base64URL.encode(payload))
        let signature = try self.key.signature(for: Array("\(head).\(text)".utf8)).rawRepresentation
        var body = JSONWriter()
        body.beginObject()
        body.member("protected", head)
        body.member("payload", text)
        body.member("signature", Base64URL.encode(signature))
        body.endObject()
        return body.bytes
    }
}
