/// A token whose signature and claims hold, and the times that are to be judged again at each use.
struct VerifiedToken: Sendable {
    let identity: Identity
    let lifetime: TokenLifetime
}
