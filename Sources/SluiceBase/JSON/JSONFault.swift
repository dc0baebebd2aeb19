/// Where a text is not JSON (RFC 8259) in UTF-8 (RFC 3629), and why.
@frozen
public struct JSONFault: Error, Equatable {
    /// The rule that the text breaks.
    public enum Kind: Equatable, Sendable {
        case unexpectedEnd
        case expectedKey
        case expectedColon
        case expectedCommaOrBrace
        case expectedCommaOrBracket
        case trailingComma
        case expectedValue
        case invalidLiteral
        case invalidNumber
        case invalidEscape
        case controlCharacter
        case invalidUTF8
        case tooDeep(limit: Int)
        /// Something stands after the value.
        case trailingBytes

        // Not the grammar's, but of readers that ask for more.
        case loneSurrogate
        case duplicateName
        case tooManyMembers(limit: Int)
        case tooManyValues(limit: Int)
        case notAnObject
    }

    public let kind: Kind
    /// Bytes from the start of the text.
    public let offset: Int

    @inlinable
    public init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

extension JSONFault.Kind {
    /// A sentence that tells the writer of the text what to do, and repeats nothing of it.
    package var detail: String {
        switch self {
        case .unexpectedEnd: "The JSON ends too early: send all of it."
        case .expectedKey: "A member has to begin with its name in double quotes."
        case .expectedColon: "Put a colon between a member's name and its value."
        case .expectedCommaOrBrace: "After a member there has to be a comma or the closing brace."
        case .expectedCommaOrBracket: "After an element there has to be a comma or the closing bracket."
        case .trailingComma: "Remove the comma before the closing brace or bracket."
        case .expectedValue: "Put a JSON value here: an object, an array, a string, a number, true, false or null."
        case .invalidLiteral: "Write true, false or null in full and in lower case."
        case .invalidNumber: "Write the number as JSON does: no leading zero or plus, digits on both sides of a point."
        case .invalidEscape: "Escape with \\\", \\\\, \\/, \\b, \\f, \\n, \\r, \\t or \\u and four hexadecimal digits."
        case .controlCharacter: "Escape control characters inside strings."
        case .invalidUTF8: "Encode the text as UTF-8."
        case .tooDeep(let limit): "Nest objects and arrays at most \(limit) levels deep."
        case .trailingBytes: "Send nothing after the JSON."
        case .loneSurrogate: "Write surrogates in pairs."
        case .duplicateName: "Give each name once."
        case .tooManyMembers(let limit): "Give an object at most \(limit) members."
        case .tooManyValues(let limit): "Send at most \(limit) values."
        case .notAnObject: "Send one JSON object."
        }
    }
}
