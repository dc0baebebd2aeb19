import Crypto
package import SluiceBase
import Synchronization

/// Finds the identity behind a credential, for all event loops.
///
/// It holds the keys of the moment, the tokens that were verified, the tickets outstanding and the revocations. It
/// reads no clock. Signatures are verified outside the lock.
package final class Authenticator: Sendable {
    /// The most verified tokens remembered.
    package static let maximumRememberedCount = 10_000
    /// The most tickets outstanding.
    package static let maximumTicketCount = 10_000
    /// The most bytes of sealed tickets for signing in, where the gateway is alone; those beyond it are not issued.
    package static let maximumSignInBytes = 16 * 1024 * 1024

    private struct State {
        var verifier: TokenVerifier
        var ingestKeys: [IngestKey]
        /// Whether keys that are on their way are missing among those of the verifier.
        var areKeysComplete = true
        /// Rises with every change of keys, so that a token verified under old keys is not remembered under new ones.
        var generation = 0
        var cache = TokenCache(maximumCount: Authenticator.maximumRememberedCount)
        var tickets = TicketBook(maximumCount: Authenticator.maximumTicketCount)
        var signIns = SignInBook(maximumBytes: Authenticator.maximumSignInBytes)
        var revocations = RevocationList()
        /// Of several nodes each has so many tickets outstanding, whoever is shown them.
        var sharedTickets = TokenBucket(
            limit: RateLimit(
                rate: Double(Authenticator.maximumTicketCount) / TicketBook.timeToLive,
                burst: Authenticator.maximumTicketCount
            )
        )
    }

    private let state: Mutex<State>
    private let changes = Atomic<Int>(0)
    /// Where revocations outlive the process; nil for memory only.
    private let revocationStore: (any RevocationStore)?

    /// An authenticator.
    ///
    /// - Parameters:
    ///   - verifier: Judges tokens.
    ///   - ingestKeys: The keys that scanners may post with.
    ///   - revocations: Where revocations outlive the process; those of an earlier one hold from now on.
    ///   - now: The wall clock, in seconds since 1970.
    package init(
        verifier: TokenVerifier,
        ingestKeys: [IngestKey],
        revocations: (any RevocationStore)? = nil,
        now: Double = 0
    ) {
        var state = State(verifier: verifier, ingestKeys: ingestKeys)
        for kept in revocations?.keptRevocations ?? [] where kept.keptUntil > now {
            _ = state.revocations.add(kept.revocation, keptUntil: kept.keptUntil, now: now)
        }
        self.state = Mutex(state)
        self.revocationStore = revocations
    }

    /// Changes the keys.
    ///
    /// Remembered tokens are verified again when they are shown next. The caller judges existing connections again, by
    /// ``judge``.
    ///
    /// - Parameters:
    ///   - verifier: Judges tokens from now on.
    ///   - ingestKeys: The keys that scanners may post with from now on.
    ///   - areKeysComplete: Whether no keys are still to come from elsewhere. Until then, connections whose token's
    ///     key is missing stay open.
    /// - Returns: Whether these are other keys, or other rules, than before.
    @discardableResult
    package func replace(
        verifier: TokenVerifier,
        ingestKeys: [IngestKey],
        areKeysComplete: Bool = true
    ) -> Bool {
        let isChanged = self.state.withLock { state in
            let isChanged =
                verifier != state.verifier || ingestKeys != state.ingestKeys || areKeysComplete != state.areKeysComplete
            state.verifier = verifier
            state.ingestKeys = ingestKeys
            state.areKeysComplete = areKeysComplete
            if isChanged {
                state.generation += 1
                state.cache = TokenCache(maximumCount: Self.maximumRememberedCount)
            }
            return isChanged
        }
        if isChanged {
            self.changes.add(1, ordering: .releasing)
        }
        return isChanged
    }

    /// Rises with whatever can end a right that was given: other keys or rules, a revocation.
    package var changeCount: Int { self.changes.load(ordering: .acquiring) }

    /// Judges identities again that were let in before.
    package var judge: CredentialJudge {
        self.state.withLock { state in
            CredentialJudge(
                verifier: state.verifier,
                ingestKeys: state.ingestKeys,
                areKeysComplete: state.areKeysComplete
            )
        }
    }

    /// Finds the identity behind an `Authorization: Bearer` credential: a JWT or an ingest key.
    ///
    /// - Parameters:
    ///   - bearer: What stands behind the scheme's name.
    ///   - memo: Of the connection that it came on.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The identity.
    /// - Throws: ``TokenError``; `unknownKey` if fresh keys could help.
    package func authenticate(
        bearer: String,
        memo: CredentialMemo? = nil,
        now: Double
    ) throws(TokenError) -> Identity {
        try self.authenticate(bearer, allowsIngestKeys: true, memo: memo, now: now)
    }

    /// Whether a credential that was found good before is still good, without looking it up.
    ///
    /// - Parameters:
    ///   - lease: What was found.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: False if it has to be looked up again, be it good or not.
    package func holds(_ lease: CredentialLease, now: Double) -> Bool {
        lease.changeCount == self.changeCount && lease.isInTime(now: now)
    }

    /// Finds the identity behind a JWT that came another way: in the query, a subprotocol, a cookie, a client's frame.
    ///
    /// - Parameters:
    ///   - token: The compact form.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The identity.
    /// - Throws: ``TokenError``; `unknownKey` if fresh keys could help.
    package func authenticate(token: String, now: Double) throws(TokenError) -> Identity {
        try self.authenticate(token, allowsIngestKeys: false, memo: nil, now: now)
    }

    private func authenticate(
        _ credential: String,
        allowsIngestKeys: Bool,
        memo: CredentialMemo?,
        now: Double
    ) throws(TokenError) -> Identity {
        memo?.lease = nil
        guard credential.utf8.count <= TokenVerifier.maximumBytes else {
            throw TokenError(.tooLong)
        }
        let changeCount = self.changeCount
        let bytes = Array(credential.utf8)
        let digest = memo?.digest(of: bytes) ?? SHA256.hash(data: bytes)
        let (remembered, leeway) = self.state.withLock { ($0.cache[digest], $0.verifier.leeway) }
        if let remembered {
            try self.judge(remembered, digest: digest, leeway: leeway, now: now)
            memo?.remember(bytes, digest)
            memo?.lease = CredentialLease(
                identity: remembered.identity,
                lifetime: remembered.lifetime,
                leeway: leeway,
                changeCount: changeCount
            )
            return remembered.identity
        }
        let (verifier, ingestKeys, generation) = self.state.withLock { state in
            (state.verifier, state.ingestKeys, state.generation)
        }
        if allowsIngestKeys, let identity = IngestKey.identity(for: digest, among: ingestKeys) {
            memo?.remember(bytes, digest)
            memo?.lease = CredentialLease(identity: identity, lifetime: nil, leeway: 0, changeCount: changeCount)
            return identity
        }
        let token = try verifier.verified(bytes, now: now)
        let isRevoked = self.state.withLock { state in
            // Checked under the lock that adds it, so that a concurrent revocation is not missed.
            let isRevoked = state.revocations.isRevoked(token.identity)
            if !isRevoked, state.generation == generation {
                state.cache.add(token, digest: digest, now: now, leeway: verifier.leeway)
            }
            return isRevoked
        }
        if isRevoked {
            throw TokenError(.revoked)
        }
        return token.identity
    }

    private func judge(
        _ token: VerifiedToken,
        digest: SHA256Digest,
        leeway: Double,
        now: Double
    ) throws(TokenError) {
        do {
            try token.lifetime.check(now: now, leeway: leeway)
        } catch {
            self.state.withLock { $0.cache.remove(digest) }
            throw error
        }
    }

    /// Issues a ticket, so that no URL needs to contain a token: random, for one use, with the token's rights and end.
    ///
    /// - Parameters:
    ///   - identity: The caller's identity, from a token or the application.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The ticket and the seconds for which it may be used, or `nil` if too many are outstanding.
    /// - Throws: ``TokenError`` if the credential is another one (a ticket cannot be exchanged for tickets), or was
    ///   revoked.
    package func issueTicket(
        for identity: Identity,
        now: Double
    ) throws(TokenError) -> (ticket: String, expiresIn: Int)? {
        guard identity.kind == .token || identity.kind == .application else {
            throw TokenError(.ticket)
        }
        return try self.state.withLock { state throws(TokenError) in
            guard !state.revocations.isRevoked(identity) else {
                throw TokenError(.revoked)
            }
            return state.tickets.issue(for: identity.asTicket, now: now).map { ($0, Int(TicketBook.timeToLive)) }
        }
    }

    /// Finds the identity behind a ticket, and uses the ticket up.
    ///
    /// - Parameters:
    ///   - ticket: The ticket.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The identity whose token it was issued for.
    /// - Throws: ``TokenError`` if the ticket no longer exists, or its token has ended.
    package func redeemTicket(_ ticket: String, now: Double) throws(TokenError) -> Identity {
        try self.state.withLock { state throws(TokenError) in
            guard let identity = state.tickets.redeem(ticket, now: now) else {
                throw TokenError(.ticket)
            }
            // Its token may have ended since, or its key.
            if case .token(let evidence) = identity.evidence {
                try state.verifier.check(evidence, now: now)
            }
            return identity
        }
    }

    /// Issues a ticket that any of several nodes may be shown, to be kept where all find it.
    ///
    /// - Parameters:
    ///   - token: The token that the caller showed; `nil` if it showed none, as the application's visitors do.
    ///   - identity: The caller's identity, from the token or the application.
    ///   - purpose: What the ticket is for; for signing in there has to be a token.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The ticket and the seconds for which it may be used, or `nil` if too many are outstanding.
    /// - Throws: ``TokenError`` if the credential is another one, or was revoked.
    package func sealTicket(
        for token: String?,
        of identity: Identity,
        purpose: SealedTicket.Purpose = .connection,
        now: Double
    ) throws(TokenError) -> (ticket: SealedTicket, expiresIn: Int)? {
        let content: SealedTicket.Content
        switch (identity.kind, identity.evidence, token) {
        case (.token, _, let token?):
            content = .token(token)
        case (.application, .application(let evidence)?, _) where purpose == .connection:
            content = .application(evidence.credential, subject: identity.subject)
        default:
            throw TokenError(.ticket)
        }
        let mayIssue = try self.state.withLock { state throws(TokenError) in
            guard !state.revocations.isRevoked(identity) else {
                throw TokenError(.revoked)
            }
            return state.sharedTickets.take(now: UInt64(clamping: now * 1_000_000_000)) == .taken
        }
        guard mayIssue else {
            return nil
        }
        return SealedTicket(content, for: purpose, now: now).map { ($0, Int(TicketBook.timeToLive)) }
    }

    /// What is behind a ticket that some node issued.
    package enum OpenedTicket: Equatable {
        /// The identity that its token gives.
        case identity(Identity)
        /// The application is to be asked again, and it has to be the same one.
        case visitor(ApplicationCredential, subject: ByteName)
    }

    /// Opens a ticket that some node issued; the caller sees to it that it is used once.
    ///
    /// - Parameters:
    ///   - ticket: The ticket.
    ///   - sealed: What is kept of it.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Who it was issued for.
    /// - Throws: ``TokenError`` if the ticket is none, or its token has ended.
    package func openTicket(_ ticket: String, _ sealed: [UInt8], now: Double) throws(TokenError) -> OpenedTicket {
        switch SealedTicket.content(in: sealed, by: ticket, now: now) {
        case nil: throw TokenError(.ticket)
        case .token(let token)?: return .identity(try self.authenticate(token: token, now: now).asTicket)
        case .application(let credential, let subject)?: return .visitor(credential, subject: subject)
        }
    }

    /// Opens a ticket for signing in; the caller sees to it that it is used once.
    ///
    /// - Parameters:
    ///   - ticket: The ticket.
    ///   - sealed: What is kept of it.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: The token that it was made of, and the identity that this token gives now.
    /// - Throws: ``TokenError`` if the ticket is none for signing in, or its token has ended.
    package func openSignIn(
        _ ticket: String,
        _ sealed: [UInt8],
        now: Double
    ) throws(TokenError) -> (token: String, identity: Identity) {
        guard case .token(let token)? = SealedTicket.content(in: sealed, by: ticket, for: .signIn, now: now) else {
            throw TokenError(.ticket)
        }
        return (token, try self.authenticate(token: token, now: now))
    }

    /// Keeps a ticket for signing in where no other node could be shown it.
    ///
    /// - Parameters:
    ///   - ticket: The ticket, sealed for signing in.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whether it is kept; `false` if there are too many.
    package func keepSignIn(_ ticket: SealedTicket, now: Double) -> Bool {
        self.state.withLock { $0.signIns.keep(ticket, now: now) }
    }

    /// What ``keepSignIn(_:now:)`` kept of a ticket, which stays; `nil` where there is none of this digest.
    package func keptSignIn(_ digest: String) -> [UInt8]? {
        self.state.withLock { $0.signIns.sealed(digest) }
    }

    /// Uses up what ``keepSignIn(_:now:)`` kept; `false` where another was first.
    package func useUpSignIn(_ digest: String) -> Bool {
        self.state.withLock { $0.signIns.useUp(digest) }
    }

    /// Ends tokens before their time, and the tickets issued for them.
    ///
    /// It is in force when this returns. Connections are the caller's to close, by ``Revocation/hits(_:)``.
    ///
    /// - Parameters:
    ///   - revocation: The tokens to end.
    ///   - now: The wall clock, in seconds since 1970.
    ///   - done: Called once a restart would not forget it, or with the reason why a restart would; on any thread.
    /// - Returns: Whether it is in force; `false` if there are too many revocations, and then `done` is not called.
    package func revoke(
        _ revocation: Revocation,
        now: Double,
        kept done: @escaping @Sendable ((any Error)?) -> Void = { _ in }
    ) -> Bool {
        let kept = KeptRevocation(revocation, keptUntil: now + RevocationList.horizon)
        guard self.adopt(kept, now: now) else {
            return false
        }
        if let store = self.revocationStore {
            store.keep(kept, done)
        } else {
            done(nil)
        }
        return true
    }

    /// Takes over a revocation that was given elsewhere; it is in force when this returns.
    ///
    /// Connections are the caller's to close.
    ///
    /// - Parameters:
    ///   - kept: The tokens to end.
    ///   - now: The wall clock, in seconds since 1970.
    /// - Returns: Whether it is in force; `false` if there are too many revocations.
    package func adopt(_ kept: KeptRevocation, now: Double) -> Bool {
        let isInForce = self.state.withLock { state in
            guard state.revocations.add(kept.revocation, keptUntil: kept.keptUntil, now: now) else {
                return false
            }
            state.cache.removeAll { kept.revocation.hits($0) }
            state.tickets.removeAll { kept.revocation.hits($0) }
            return true
        }
        if isInForce {
            self.changes.add(1, ordering: .releasing)
        }
        return isInForce
    }

    /// Whether the token that an identity stands on was revoked.
    ///
    /// - Parameter identity: The identity that is connected, or about to be.
    /// - Returns: Whether one of the revocations hits it.
    package func isRevoked(_ identity: Identity) -> Bool {
        self.state.withLock { $0.revocations.isRevoked(identity) }
    }
}
