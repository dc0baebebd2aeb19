internal import SluiceBase

/// Why a message is refused, and where: the internal error of the check, small because it passes through every level.
struct MessageFault: Error {
    /// The kind of fault.
    enum Kind: Equatable {
        // The document.
        case empty
        case byteOrderMark
        case notDocument
        case notObject
        case trailingBytes
        case tooManyMessages(limit: Int)
        case messageTooLarge(limit: Int)

        /// Not RFC 8259's grammar, or not UTF-8.
        case grammar(JSONFault.Kind)

        // Further rules for a message.
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
    /// Bytes from the start of the checked text.
    let offset: Int

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    init(_ fault: JSONFault) {
        self.init(.grammar(fault.kind), at: fault.offset)
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
        case .empty, .byteOrderMark, .notDocument, .notObject, .trailingBytes, .grammar, .missingType, .typeNotString,
            .typeLength, .typeControlCharacter, .loneSurrogate, .duplicateType, .duplicateScanID:
            .invalidMessage
        }
    }

    /// A sentence that tells the producer how to fix it, and holds nothing of the input.
    var detail: String {
        switch self {
        case .empty: "The body is empty: send one JSON object or an array of objects."
        case .byteOrderMark: "Send the JSON without a byte order mark."
        case .notDocument: "Send one JSON object or an array of objects."
        case .notObject: "Each message has to be a JSON object."
        case .trailingBytes: "Send nothing after the JSON; for one object a line, use application/x-ndjson."
        case .tooManyMessages(let limit): "Send at most \(limit) messages in one array."
        case .messageTooLarge(let limit): "Keep each message within \(limit) bytes."
        case .grammar(let kind): kind.detail
        case .missingType: "Give each message a string \"type\"."
        case .typeNotString: "Make \"type\" a string."
        case .typeLength: "Make \"type\" 1 to \(MessageParser.maximumTypeLength) characters long."
        case .typeControlCharacter: "Leave control characters out of \"type\"."
        case .loneSurrogate: "Write surrogates in pairs in \"type\" and \"scanId\"."
        case .duplicateType: "Give \"type\" once."
        case .duplicateScanID: "Give \"scanId\" once."
        case .scanIDMismatch: "Make \"scanId\" the scan's name in the path, or leave it out."
        case .reservedField: "Leave \"seq\" out: the gateway numbers the messages."
        case .reservedType:
            "Choose another \"type\": \(MessageRules.reservedTypes.joined(separator: ", ")), and all that begin with "
                + "\(MessageRules.reservedPrefix), are taken."
        }
    }
}
