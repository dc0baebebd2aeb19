import SluiceBase

/// Where the claims of a token stand, and which names of roles mean what: issuers agree on neither.
package struct ClaimRules: Sendable, Hashable {
    /// A claim by its name, or by the names of the objects that lead to it, from the outside in.
    package struct Path: Sendable, Hashable, CustomStringConvertible {
        /// The most names of a path.
        package static let maximumCount = 8
        /// Claims whose meaning RFC 7519 fixes, and that are read as such.
        package static let registered: Set<String> = ["iss", "aud", "exp", "nbf", "iat", "jti"]

        package let names: [String]

        /// - Parameter names: From 1 to ``maximumCount``.
        package init(_ names: [String]) {
            precondition((1...Self.maximumCount).contains(names.count), "a path has a few names")
            self.names = names
        }

        /// As the log and faults show it.
        package var description: String { self.names.joined(separator: ".") }

        /// Whether this is the other path, or leads to an object that holds the other one's claim.
        package func leads(to other: Self) -> Bool {
            other.names.starts(with: self.names)
        }

        /// The claim; `nil` if it is `null`, or if the path leads nowhere.
        func value(in claims: JSONNode) -> JSONNode? {
            var node: JSONNode? = claims
            for name in self.names {
                node = node?.present(name)
            }
            return node
        }
    }

    /// The user.
    package var subject = Path(["sub"])
    /// The names of roles.
    package var roles = Path(["roles"])
    /// Scan ids and globs.
    package var scans = Path(["scans"])
    /// What the token is for.
    package var scope = Path(["scope"])
    /// The roles that may do everything.
    package var adminRoles = ["admin"]
    /// The roles that may post, besides the scope `ingest`.
    package var ingestRoles: [String] = []

    /// The gateway's own names.
    package init() {}

    /// Whether one of some roles is among those of a meaning.
    static func contains(_ meaning: [String], oneOf roles: [String]) -> Bool {
        // By bytes: Swift's own comparison takes different Unicode spellings for one.
        roles.contains { role in meaning.contains { $0.utf8.elementsEqual(role.utf8) } }
    }
}
