/// The members of a JSON object, in the order of the text; no two have one name.
package struct JSONObject: Sendable, Equatable {
    private(set) var members: [(name: String, value: JSONValue, place: Range<Int>)] = []

    /// An object without members.
    package init() {}

    /// The value of a member, or `nil` if there is none of that name.
    package subscript(name: String) -> JSONValue? {
        self.members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The value of a member, or `nil` if there is none of that name or its value is `null`.
    package func present(_ name: String) -> JSONValue? {
        let value = self[name]
        return value == .null ? nil : value
    }

    /// Where the value of a member stands in the text that the object was read from.
    package func place(of name: String) -> Range<Int>? {
        self.members.first { $0.name.utf8.elementsEqual(name.utf8) }?.place
    }

    /// Adds a member, and where its value stands in the text.
    ///
    /// Names are compared byte by byte: Swift's own comparison of strings takes different Unicode spellings for one.
    ///
    /// - Returns: Whether it was added; `false` if there is one of that name.
    package mutating func append(name: String, value: JSONValue, place: Range<Int>) -> Bool {
        guard self[name] == nil else {
            return false
        }
        self.members.append((name, value, place))
        return true
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.members.elementsEqual(right.members) { $0.name == $1.name && $0.value == $1.value }
    }
}
