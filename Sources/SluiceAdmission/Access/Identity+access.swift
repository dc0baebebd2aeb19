import SluiceBase

extension Identity {
    /// Whether this user may follow and read a scan: an administrator, its owner, or a pattern of the token matches.
    ///
    /// A token that says nothing about scans matches none. A credential for posting alone reads nothing.
    ///
    /// - Parameters:
    ///   - scan: The scan's id.
    ///   - owner: Its owner, if it has one.
    /// - Returns: Whether that is allowed.
    package func maySubscribe(scan: String, owner: String?) -> Bool {
        guard self.isUser else {
            return false
        }
        return self.isAdmin || self.isOwner(owner) || self.matches(scan)
    }

    /// Whether messages may be posted to a scan: the right to post, and if the credential speaks of scans, of this one.
    ///
    /// - Parameter scan: The scan's id.
    /// - Returns: Whether that is allowed.
    package func mayIngest(scan: String) -> Bool {
        self.isAdmin || self.canIngest && (self.scans == nil || self.matches(scan))
    }

    /// Whether a scan may be deleted: by an administrator, its owner, or a producer that may post to it.
    ///
    /// - Parameters:
    ///   - scan: The scan's id.
    ///   - owner: Its owner, if it has one.
    /// - Returns: Whether that is allowed.
    package func mayDelete(scan: String, owner: String?) -> Bool {
        self.isAdmin || self.isOwner(owner) || self.mayIngest(scan: scan)
    }

    /// Whether this user is that owner.
    private func isOwner(_ owner: String?) -> Bool {
        guard self.isUser, let owner else {
            return false
        }
        return ByteName(owner) == self.subject
    }

    private func matches(_ scan: String) -> Bool {
        self.scans?.contains { $0.matches(scan) } ?? false
    }
}
