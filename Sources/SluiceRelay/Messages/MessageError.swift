/// Why a posted message is refused, in words and numbers for the producer.
package struct MessageError: Error, Sendable, Equatable {
    /// The stable name of the reason.
    package enum Code: String, Sendable {
        /// Not strict JSON (RFC 8259) in UTF-8, nested too deep, or without a proper `type`.
        case invalidMessage = "invalid_message"
        /// A top-level field whose name the gateway owns.
        case reservedField = "reserved_field"
        /// A type that is the gateway's own.
        case reservedType = "reserved_type"
        /// A `scanId` that is not the path's.
        case scanIDMismatch = "scan_id_mismatch"
        /// More messages in one array than may ever pass.
        case tooManyMessages = "too_many_messages"
        /// One message, or one line, over its limit.
        case messageTooLarge = "message_too_large"
    }

    /// The reason.
    package let code: Code
    /// A sentence that says how to fix it, and repeats nothing of the input.
    package let detail: String
    /// Which message of a document is at fault, from 0 on; `nil` where messages come a line each.
    ///
    /// It is how many whole ones stand before the fault, so 0 in a document of one object.
    package let index: Int?
    /// Where the fault is, in bytes from the start of the document or line; `nil` if no one place is at fault.
    package let offset: Int?

    init(_ fault: MessageFault, index: Int?) {
        self.init(fault.kind, index: index, offset: fault.offset)
    }

    init(_ kind: MessageFault.Kind, index: Int?, offset: Int?) {
        self.code = kind.code
        self.detail = kind.detail
        self.index = index
        self.offset = offset
    }
}
