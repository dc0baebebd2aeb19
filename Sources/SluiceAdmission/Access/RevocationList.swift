package import SluiceBase

/// The revocations in force.
///
/// Each is kept for ``horizon``, by when the tokens that it ends have run out by themselves: how long tokens live is the
/// issuer's secret. A revocation in force is never forgotten to make room: when the list is full, a new one is refused.
struct RevocationList: Sendable {
    /// How long a revocation is kept, in seconds: 400 days, longer than any token should live.
    static let horizon = 400 * 86_400.0
    /// The most revocations in force.
    let maximumCount: Int

    private struct SubjectEntry {
        var issuedBefore: Double
        var keptUntil: Double
    }

    private var tokenIDs: [ByteName: Double] = [:]
    private var subjects: [ByteName: SubjectEntry] = [:]

    /// An empty list.
    ///
    /// - Parameter maximumCount: The most revocations in force.
    init(maximumCount: Int = 100_000) {
        self.maximumCount = maximumCount
    }

    /// How many are kept.
    var count: Int { self.tokenIDs.count + self.subjects.count }

    /// Adds a revocation.
    ///
    /// - Parameters:
    ///   - revocation: The tokens to end. Of one user the latest instant holds.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whether it is in force; `false` if the list is full.
    mutating func add(_ revocation: Revocation, now: Double) -> Bool {
        self.add(revocation, keptUntil: now + Self.horizon, now: now)
    }

    /// Adds a revocation that was given before.
    ///
    /// - Parameters:
    ///   - revocation: The tokens to end. Of one user the latest instant holds.
    ///   - keptUntil: When it may be forgotten, in seconds since 1970.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whether it is in force; `false` if the list is full.
    mutating func add(_ revocation: Revocation, keptUntil: Double, now: Double) -> Bool {
        if self.count >= self.maximumCount {
            self.removeExpired(now: now)
        }
        let isFull = self.count >= self.maximumCount
        switch revocation {
        case .tokenID(let tokenID):
            guard !isFull || self.tokenIDs[tokenID] != nil else {
                return false
            }
            self.tokenIDs[tokenID] = max(keptUntil, self.tokenIDs[tokenID] ?? keptUntil)
        case .subject(let subject, let issuedBefore):
            guard !isFull || self.subjects[subject] != nil else {
                return false
            }
            let known = self.subjects[subject]
            self.subjects[subject] = SubjectEntry(
                issuedBefore: max(issuedBefore, known?.issuedBefore ?? issuedBefore),
                keptUntil: max(keptUntil, known?.keptUntil ?? keptUntil)
            )
        }
        return true
    }

    /// Whether the credential behind an identity was revoked.
    ///
    /// - Parameter identity: The identity that is asking.
    /// - Returns: Whether one of the revocations hits it.
    func isRevoked(_ identity: Identity) -> Bool {
        if let tokenID = identity.tokenID, self.tokenIDs[tokenID] != nil, Revocation.tokenID(tokenID).hits(identity) {
            return true
        }
        guard let entry = self.subjects[identity.subject] else {
            return false
        }
        return Revocation.subject(identity.subject, issuedBefore: entry.issuedBefore).hits(identity)
    }

    /// Forgets revocations of tokens that have expired by themselves.
    ///
    /// - Parameter now: The wall clock, in seconds since 1970.
    mutating func removeExpired(now: Double) {
        self.tokenIDs = self.tokenIDs.filter { $0.value > now }
        self.subjects = self.subjects.filter { $0.value.keptUntil > now }
    }
}

/// The end of some tokens before their time.
package enum Revocation: Sendable, Hashable {
    /// The tokens with this `jti`.
    case tokenID(ByteName)
    /// The tokens of this user that were issued before an instant, in seconds since 1970, or that do not say when.
    case subject(ByteName, issuedBefore: Double)

    /// Whether it ends the credential behind an identity: a token, or a ticket that a token was exchanged for.
    ///
    /// - Parameter identity: The identity that is connected.
    /// - Returns: Whether it has ended.
    package func hits(_ identity: Identity) -> Bool {
        guard identity.isUser else {
            return false
        }
        switch self {
        case .tokenID(let tokenID):
            return identity.tokenID == tokenID
        case .subject(let subject, let instant):
            return identity.subject == subject && identity.issuedAt.map { $0 < instant } ?? true
        }
    }
}
