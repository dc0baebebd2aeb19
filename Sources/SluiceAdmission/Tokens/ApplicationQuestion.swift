import Crypto

/// What a visitor shows that the application judges: some of the request's fields, as they came.
///
/// Kept as long as what it opened stands, to be judged again; never logged.
package struct ApplicationCredential: Sendable, Hashable, CustomStringConvertible {
    /// More bytes than this are not taken: many connections hold theirs.
    package static let maximumBytes = 8192

    /// One field.
    package struct Field: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package let fields: [Field]

    package init(_ fields: [Field]) {
        self.fields = fields
    }

    /// How long names and values are together.
    package var byteCount: Int { self.fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } }

    package var description: String { "\(self.fields.count) fields" }
}

/// What the application is asked: whether a visitor may do something.
package struct ApplicationQuestion: Sendable, Hashable {
    /// What the visitor wants, by the name that the application is told.
    package enum Action: String, Sendable, CaseIterable {
        /// A socket or an event stream.
        case subscribe
        /// Any other read.
        case read
        /// Messages, and scans to be made or deleted.
        case post
        /// A ticket.
        case ticket
        /// Something that is an administrator's.
        case admin
    }

    package let credential: ApplicationCredential
    package let action: Action
    /// The scan that it is about; `nil` for none, or many.
    package let scan: String?

    package init(_ credential: ApplicationCredential, action: Action, scan: String?) {
        self.credential = credential
        self.action = action
        self.scan = scan
    }

    /// The same for equal questions, and tells nothing of them.
    var digest: SHA256Digest {
        var hash = SHA256()
        let texts = [self.action.rawValue, self.scan ?? ""] + self.credential.fields.flatMap { [$0.name, $0.value] }
        for text in texts {
            // The length keeps one text from running into the next.
            hash.update(data: Array("\(text.utf8.count):\(text)".utf8))
        }
        return hash.finalize()
    }
}

/// The evidence that the application's answer was made of.
package struct ApplicationEvidence: Sendable, Hashable {
    package let credential: ApplicationCredential
    /// The roles that meant something then.
    let adminRoles: [String]
    let ingestRoles: [String]

    init(_ credential: ApplicationCredential, _ rules: ClaimRules) {
        self.credential = credential
        self.adminRoles = rules.adminRoles
        self.ingestRoles = rules.ingestRoles
    }

    /// Whether roles mean now what they meant then.
    func holds(_ rules: ClaimRules) -> Bool {
        self.adminRoles == rules.adminRoles && self.ingestRoles == rules.ingestRoles
    }
}
