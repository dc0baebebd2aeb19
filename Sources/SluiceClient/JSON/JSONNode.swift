/// A piece of JSON text and where it stands, so that it can be passed on byte for byte.
///
/// Objects keep the order of their members, and numbers stay as they were written.
struct JSONNode: Sendable, Equatable {
    /// What the piece says.
    enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([JSONMember])
    }

    /// The bytes of this piece in the text that was parsed.
    let range: Range<Int>
    let value: Value

    var isObject: Bool {
        if case .object = self.value { true } else { false }
    }

    /// The members, if this is an object; otherwise none.
    var members: [JSONMember] {
        if case .object(let members) = self.value { members } else { [] }
    }

    /// The elements, if this is an array; otherwise none.
    var elements: [JSONNode] {
        if case .array(let elements) = self.value { elements } else { [] }
    }

    /// The text, if this is a string.
    var string: String? {
        if case .string(let string) = self.value { string } else { nil }
    }

    /// The value, if this is a number without fraction or exponent that fits.
    var integer: Int? {
        if case .number(let text) = self.value { Int(text) } else { nil }
    }

    /// The number that this is, or as a string says; nothing for infinities and NaN.
    var number: Double? {
        self.scalarText.flatMap { Double(finite: $0) }
    }

    /// A string or a number as text: tools write the same field now one way, now the other.
    var scalarText: String? {
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
    subscript(key: String) -> JSONNode? {
        self.members.first { $0.key == key }?.node
    }
}

/// One member of a JSON object, its key without escapes.
struct JSONMember: Sendable, Equatable {
    let key: String
    let node: JSONNode
}
