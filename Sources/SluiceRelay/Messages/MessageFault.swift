/// Why a message is refused, and where: what the check throws inside, small because it passes through every level.
struct MessageFault: Error {
    /// What is wrong.
    enum Kind: Equatable {
        // The document.
        case empty
        case byteOrderMark
        case notDocument
        case notObject
        case trailingBytes
        case tooManyMessages(limit: Int)
        case messageTooLarge(limit: Int)

        // RFC 8259's grammar, and UTF-8.
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

        // What a message has to be besides.
        case missingType
        case typeNotString
        case typeLength
        case typeControlCharacter
        case loneSurrogate
        case duplicateType
        case duplicateScanID
        case scanIDMismatch
        case reservedField
        case reservedType
    }

    let kind: Kind
    /// Bytes from the start of what was given to the check.
    let offset: Int

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

extension MessageFault.Kind {
    /// The code that a client can act on.
    var code: MessageError.Code {
        switch self {
        case .tooManyMessages: .tooManyMessages
        case .messageTooLarge: .messageTooLarge
        case .scanIDMismatch: .scanIDMismatch
        case .reservedField: .reservedField
        case .reservedType: .reservedType
        case .empty, .byteOrderMark, .notDocument, .notObject, .trailingBytes, .unexpectedEnd, .expectedKey,
            .expectedColon, .expectedCommaOrBrace, .expectedCommaOrBracket, .trailingComma, .expectedValue,
            .invalidLiteral, .invalidNumber, .invalidEscape, .controlCharacter, .invalidUTF8, .tooDeep, .missingType,
            .typeNotString, .typeLength, .typeControlCharacter, .loneSurrogate, .duplicateType, .duplicateScanID:
            .invalidMessage
        }
    }

    /// A sentence that tells the producer what to do, and holds nothing of the input.
    var detail: String {
        switch self {
        case .empty: "The body is empty: send one JSON object or an array of objects."
        case .byteOrderMark: "Send the JSON without a byte order mark."
        case .notDocument: "Send one JSON object or an array of objects."
        case .notObject: "Each message has to be a JSON object."
        case .trailingBytes: "Send nothing after the JSON; for one object a line, use application/x-ndjson."
        case .tooManyMessages(let limit): "Send at most \(limit) messages in one array."
        case .messageTooLarge(let limit): "Keep each message within \(limit) bytes."
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
        case .missingType: "Give each message a string \"type\"."
        case .typeNotString: "Make \"type\" a string."
        case .typeLength: "Make \"type\" 1 to \(MessageParser.maximumTypeLength) characters long."
        case .typeControlCharacter: "Leave control characters out of \"type\"."
        case .loneSurrogate: "Write surrogates in pairs in \"type\" and \"scanId\"."
        case .duplicateType: "Give \"type\" once."
        case .duplicateScanID: "Give \"scanId\" once."
        case .scanIDMismatch: "Make \"scanId\" the scan's name in the path, or leave it out."
        case .reservedField: "Leave \"seq\" out: the gateway numbers the messages."
        case .reservedType: "Choose another \"type\": \(MessageRules.reservedTypes.joined(separator: ", ")) are taken."
        }
    }
}
