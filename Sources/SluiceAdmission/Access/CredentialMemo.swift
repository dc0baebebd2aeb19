internal import Crypto

/// The digest of the credential that a connection showed last, so that its next request with the same one costs no hash.
///
/// Vouches for nothing: the digest is looked up anew each time, unless a ``CredentialLease`` holds. Belongs to the
/// connection's event loop.
package final class CredentialMemo {
    /// A longer credential is hashed each time.
    private static let maximumBytes = 2048

    private var credential: [UInt8] = []
    private var digest: SHA256Digest?
    /// What the last authentication on the connection found, if the same credential need not be looked up again.
    package internal(set) var lease: CredentialLease?

    package init() {}

    /// The SHA-256 of a credential.
    func digest(of bytes: [UInt8]) -> SHA256Digest {
        if let digest = self.digest, Self.areEqual(bytes, self.credential) {
            return digest
        }
        return SHA256.hash(data: bytes)
    }

    /// Remembers a credential that was good: others leave nothing behind.
    func remember(_ bytes: [UInt8], _ digest: SHA256Digest) {
        guard bytes.count <= Self.maximumBytes, self.digest != digest else { return }
        self.digest = digest
        self.credential = bytes
    }

    /// Compares in a time that depends on the lengths alone: a proxy may carry the requests of many on one connection.
    private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        var difference: UInt8 = 0
        for index in one.indices {
            difference |= one[index] ^ other[index]
        }
        return difference == 0
    }
}

@available(*, unavailable)
extension CredentialMemo: Sendable {}
