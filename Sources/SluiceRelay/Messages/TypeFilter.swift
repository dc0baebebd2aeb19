/// Which types a subscriber asked for.
///
/// Critical messages always pass: the log and the groups see to that.
package struct TypeFilter: Hashable, Sendable {
    /// The most types one filter may name.
    package static let maximumCount = 100
    /// The longest name of a type in a filter, in characters.
    package static let maximumLength = 128

    /// The types that pass; nil lets everything pass.
    package let types: Set<String>?

    /// Lets everything pass.
    package static let everything = TypeFilter(types: nil)

    /// A filter of the named types; none named lets everything pass.
    package init(_ types: some Sequence<String>) {
        let named = Set(types)
        self.types = named.isEmpty ? nil : named
    }

    private init(types: Set<String>?) {
        self.types = types
    }

    /// Whether a message of this type and fate is for the subscriber.
    package func passes(type: String, fate: Fate) -> Bool {
        guard let types = self.types else {
            return true
        }
        return fate == .critical || types.contains(type)
    }
}
