import Crypto

/// Tokens that were verified, so that the next request with one costs no signature.
///
/// Holds no token, only its SHA-256.
struct TokenCache: Sendable {
    /// How many of the oldest are looked at, whenever one is added, for being expired.
    private static let sweepCount = 4

    private let maximumCount: Int
    private var tokens = RecencyMap<SHA256Digest, VerifiedToken>()

    /// An empty cache.
    ///
    /// - Parameter maximumCount: The most tokens remembered; the oldest is forgotten first.
    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// How many are remembered.
    var count: Int { self.tokens.count }

    /// A token that was verified before.
    ///
    /// Its times are the caller's to judge again.
    subscript(digest: SHA256Digest) -> VerifiedToken? {
        self.tokens[digest]
    }

    /// Remembers a token.
    mutating func add(_ token: VerifiedToken, digest: SHA256Digest, now: Double, leeway: Double) {
        for (digest, token) in self.tokens.oldest(Self.sweepCount) where token.lifetime.expiresAt + leeway <= now {
            self.tokens.remove(digest)
        }
        self.tokens.renew(digest, token)
        if self.tokens.count > self.maximumCount, let oldest = self.tokens.oldest {
            self.tokens.remove(oldest.key)
        }
    }

    /// Forgets a token.
    mutating func remove(_ digest: SHA256Digest) {
        self.tokens.remove(digest)
    }

    /// Forgets tokens.
    mutating func removeAll(where shouldRemove: (Identity) -> Bool) {
        self.tokens.removeAll { shouldRemove($0.identity) }
    }
}
