import Crypto

/// A secret that a scanner posts with.
///
/// Only its SHA-256 is known here.
package struct IngestKey: Sendable {
    /// Whom the key was given to; the producer's name.
    package let name: String
    /// The scans that may be posted to; `nil` for all.
    package let scans: [ScanPattern]?
    private let digest: [UInt8]

    /// A key.
    ///
    /// - Parameters:
    ///   - name: Whom the key was given to.
    ///   - sha256: The SHA-256 of the secret, in 64 hexadecimal digits.
    ///   - scans: The scans that may be posted to; `nil` for all.
    /// - Throws: ``KeyError`` if `sha256` is not 64 hexadecimal digits.
    package init(name: String, sha256: String, scans: [ScanPattern]?) throws(KeyError) {
        let digits = sha256.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == 64, sha256.utf8.count == 64 else {
            throw KeyError("is not a SHA-256 in 64 hexadecimal digits")
        }
        self.name = name
        self.scans = scans
        self.digest = stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The SHA-256 of a secret, as the configuration wants it.
    ///
    /// - Parameter secret: The secret, as it stands in the `Authorization` field.
    /// - Returns: 64 hexadecimal digits, in lower case.
    package static func sha256(of secret: String) -> String {
        SHA256.hash(data: Array(secret.utf8))
            .map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }
            .joined()
    }

    /// Whose key was shown.
    ///
    /// Every key is compared, each in constant time, so that the time tells nothing about them.
    ///
    /// - Parameters:
    ///   - digest: The SHA-256 of what was shown.
    ///   - keys: The keys to look among.
    /// - Returns: The producer, or `nil` if the key is none of these.
    static func identity(for digest: SHA256Digest, among keys: [Self]) -> Identity? {
        var found: Self?
        for key in keys where digest == key.digest {
            found = key
        }
        return found.map { key in
            Identity(kind: .ingestKey, subject: key.name, scans: key.scans, canIngest: true)
        }
    }
}
