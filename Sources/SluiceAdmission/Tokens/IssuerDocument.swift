import SluiceBase

/// What an issuer of tokens publishes about itself (OpenID Connect Discovery 1.0, section 3), as far as it is needed.
package struct IssuerDocument: Sendable, Equatable {
    /// A longer text than this is refused.
    package static let maximumBytes = 262_144

    private static let rules = JSONReader.Rules.strict(maximumDepth: 16, maximumMemberCount: 512)

    /// Where its keys are (`jwks_uri`); whether that address can be trusted is the caller's to judge.
    package let keySetAddress: String

    /// Reads a document.
    ///
    /// - Parameters:
    ///   - bytes: The JSON text.
    ///   - issuer: Whose it has to be, byte for byte (section 4.3): otherwise one issuer could speak for another.
    /// - Throws: ``KeyError`` if it is not that issuer's.
    package init(_ bytes: [UInt8], issuer: String) throws(KeyError) {
        guard bytes.count <= Self.maximumBytes else {
            throw KeyError("is longer than \(Self.maximumBytes) bytes")
        }
        let document: JSONNode
        do {
            document = try JSONReader.object(bytes, Self.rules)
        } catch {
            throw KeyError("is no strict JSON object")
        }
        guard let name = document.present("issuer")?.string, name.utf8.elementsEqual(issuer.utf8) else {
            throw KeyError("names another issuer")
        }
        guard let address = document.present("jwks_uri")?.string else {
            throw KeyError("does not say where the keys are (jwks_uri)")
        }
        self.keySetAddress = address
    }

    /// Where an issuer publishes it (section 4).
    ///
    /// - Parameter issuer: Its address; a slash at the end makes no difference.
    /// - Returns: The document's address.
    package static func address(of issuer: String) -> String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }
}
