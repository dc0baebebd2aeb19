import Testing

/// A document at an edge of RFC 8259, and whether the relay takes it.
struct JSONEdgeCase: Sendable, CustomTestStringConvertible {
    let name: String
    let document: [UInt8]
    let isAccepted: Bool
    /// Why the second parser is of another mind, where that is decided.
    let difference: String?

    var testDescription: String { "\(self.isAccepted ? "accepted" : "refused"): \(self.name)" }

    /// A value that has to pass where a value may stand in a message.
    static func accepted(_ name: String, _ value: String) -> Self {
        Self(name: name, document: self.message(Array(value.utf8)), isAccepted: true, difference: nil)
    }

    /// A value that must not pass.
    static func refused(_ name: String, _ value: String) -> Self {
        Self(name: name, document: self.message(Array(value.utf8)), isAccepted: false, difference: nil)
    }

    /// A string of these bytes that has to pass, as value and as name.
    static func accepted(_ name: String, string: [UInt8]) -> Self {
        let quoted = [0x22] + string + [0x22]
        return Self(name: name, document: self.message(self.named(quoted)), isAccepted: true, difference: nil)
    }

    /// A string of these bytes that must not pass.
    static func refused(_ name: String, string: [UInt8]) -> Self {
        Self(name: name, document: self.message([0x22] + string + [0x22]), isAccepted: false, difference: nil)
    }

    /// A whole body that has to pass.
    static func accepted(_ name: String, whole: String) -> Self {
        Self(name: name, document: Array(whole.utf8), isAccepted: true, difference: nil)
    }

    /// A whole body that must not pass.
    static func refused(_ name: String, whole: String, difference: String? = nil) -> Self {
        Self(name: name, document: Array(whole.utf8), isAccepted: false, difference: difference)
    }

    /// A whole body that must not pass.
    static func refused(_ name: String, whole: [UInt8], difference: String? = nil) -> Self {
        Self(name: name, document: whole, isAccepted: false, difference: difference)
    }

    private static func message(_ value: [UInt8]) -> [UInt8] {
        Array(#"{"type":"t","v":"#.utf8) + value + Array("}".utf8)
    }

    private static func named(_ quoted: [UInt8]) -> [UInt8] {
        Array("{".utf8) + quoted + Array(":".utf8) + quoted + Array("}".utf8)
    }
}
