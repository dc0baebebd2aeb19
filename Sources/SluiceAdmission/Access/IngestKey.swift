import Crypto
import SluiceBase

/// A secret that a scanner posts with.
///
/// Only its SHA-256 is known here.
package struct IngestKey: Sendable, Hashable {
    /// The name of the producer that the key was given to.
    package let name: String
    /// The scans that may be posted to; `nil` for all.
    package let scans: [ScanPattern]?
    private let digest: [UInt8]

    /// A key.
    ///
    /// - Parameters:
    ///   - name: The name of the producer that the key was given to.
    ///   - sha256: The SHA-256 of the secret.
    ///   - scans: The scans that may be posted to; `nil` for all.
    /// - Throws: ``KeyError`` if `sha256` has another length.
    package init(name: String, sha256: [UInt8], scans: [ScanPattern]?) throws(KeyError) {
        guard sha256.count == SHA256.byteCount else {
            throw KeyError("is not a SHA-256 of \(SHA256.byteCount) bytes")
        }
        self.name = name
        self.scans = scans
        self.digest = sha256
    }

    /// The SHA-256 of a secret, as the configuration wants it.
    ///
    /// - Parameter secret: The secret, as it stands in the `Authorization` field.
    /// - Returns: 64 hexadecimal digits, in lower case.
    package static func sha256(of secret: String) -> String {
        Hexadecimal.text(SHA256.hash(data: Array(secret.utf8)))
    }

    /// The producer whose key was shown.
    ///
    /// Every key is compared, each in constant time, so that the time tells nothing about them.
    ///
    /// - Parameters:
    ///   - digest: The SHA-256 of the key shown.
    ///   - keys: The keys to compare with.
    /// - Returns: The producer, or `nil` if the key is none of these.
    static func identity(for digest: SHA256Digest, among keys: [Self]) -> Identity? {
        var found: Self?
        for key in keys where digest == key.digest {
            found = key
        }
        return found?.identity
    }

    /// The producer whose key was shown before, among the present keys.
    static func identity(shownBefore digest: [UInt8], among keys: [Self]) -> Identity? {
        keys.last { $0.digest == digest }?.identity
    }

    private var identity: Identity {
        Identity(
            kind: .ingestKey,
            subject: self.name,
            scans: self.scans,
            canIngest: true,
            evidence: .ingestKey(digest: self.digest)
        )
    }
}
