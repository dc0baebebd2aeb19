/// A piece of JSON text as a value, and where it stands, so that it can be passed on byte for byte.
///
/// Objects keep the order of their members, and numbers stay as they were written. For short texts: tokens, key sets,
/// requests of a few members, a scanner's line.
package struct JSONNode: Sendable, Equatable {
    /// The content of the piece.
    package enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([JSONMember])
    }

    /// The bytes of this piece in the text that was read.
    package let range: Range<Int>
    package let value: Value

    package init(range: Range<Int>, value: Value) {
        self.range = range
        self.value = value
    }

    package var isObject: Bool {
        if case .object = self.value { true } else { false }
    }

    /// The members, if this is an object; otherwise none.
    package var members: [JSONMember] {
        if case .object(let members) = self.value { members } else { [] }
    }

    /// The elements, if this is an array; otherwise none.
    package var elements: [JSONNode] {
        if case .array(let elements) = self.value { elements } else { [] }
    }

    /// The text, if this is a string.
    package var string: String? {
        if case .string(let string) = self.value { string } else { nil }
    }

    /// The texts, if this is an array of strings and of nothing else.
    package var strings: [String]? {
        guard case .array(let elements) = self.value else { return nil }
        let strings = elements.compactMap(\.string)
        return strings.count == elements.count ? strings : nil
    }

    /// The value, if this is a number without fraction or exponent that fits.
    package var integer: Int? {
        if case .number(let text) = self.value { Int(text) } else { nil }
    }

    /// The value, if this is a number; infinite beyond a double's range.
    package var double: Double? {
        if case .number(let text) = self.value { Double(text) } else { nil }
    }

    /// The value, if this is a number or a string that spells one; nil for infinities and NaN.
    ///
    /// Tools write the same field now one way, now the other.
    package var number: Double? {
        self.scalarText.flatMap { Double(finite: $0) }
    }

    /// A string, a number or a truth value as text.
    package var scalarText: String? {
        switch self.value {
        case .string(let text), .number(let text):
            text
        case .bool(let flag):
            flag ? "true" : "false"
        case .null, .array, .object:
            nil
        }
    }

    /// The first member of this name, if this is an object that has one.
    ///
    /// Names are compared byte by byte: Swift's own comparison of strings takes different Unicode spellings for one.
    package subscript(name: String) -> JSONNode? {
        self.members.first { $0.name.utf8.elementsEqual(name.utf8) }?.node
    }

    /// The first member of this name, unless its value is `null`.
    package func present(_ name: String) -> JSONNode? {
        self[name].flatMap { $0.value == .null ? nil : $0 }
    }
}

/// One member of a JSON object, its name without escapes.
package struct JSONMember: Sendable, Equatable {
    package let name: String
    package let node: JSONNode

    package init(name: String, node: JSONNode) {
        self.name = name
        self.node = node
    }
}
