import NIOCore

/// Which messages of a history a reader wants to see: those that pass every condition.
package struct MessageSelection: Hashable, Sendable {
    /// Lets everything pass.
    package static let everything = MessageSelection()
    /// The most severities that one selection may name.
    package static let maximumSeverityCount = 32

    /// By type; critical messages always pass this one.
    package var filter: TypeFilter
    /// By severity, in lower case; nil lets messages without any pass too.
    package var severities: Set<String>?
    /// By a text in the message's bytes, as posted.
    package var search: TextSearch?

    package init(
        filter: TypeFilter = .everything,
        severities: Set<String>? = nil,
        search: TextSearch? = nil
    ) {
        self.filter = filter
        self.severities = severities
        self.search = search
    }

    /// Whether the selection lets everything pass that is not looked into.
    package var passesEveryHead: Bool {
        self.filter.types == nil && self.severities == nil
    }

    /// Whether a message passes as far as can be told without its bytes.
    package func passes(type: String, fate: Fate, severity: String?) -> Bool {
        guard self.filter.passes(type: type, fate: fate) else {
            return false
        }
        guard let severities = self.severities else {
            return true
        }
        return severity.map { severities.contains($0) } ?? false
    }

    /// Whether a message passes.
    package func passes(_ message: Message) -> Bool {
        self.passes(type: message.type, fate: message.fate, severity: message.severity)
            && self.search?.isFound(inObject: message.body.readableBytesUInt8Span) ?? true
    }
}
