package import NIOCore

/// Writes JSON into a buffer, member after member.
///
/// Commas and escapes are its business, balance is the caller's.
package struct JSONWriter {
    /// The bytes written so far.
    package private(set) var buffer: ByteBuffer
    /// The same as an array.
    package var bytes: [UInt8] { Array(self.buffer.readableBytesView) }
    /// Whether the next value at this level has one before it.
    private var needsComma = false

    /// Writes into a new buffer.
    package init(allocator: ByteBufferAllocator = ByteBufferAllocator(), capacity: Int = 256) {
        self.buffer = allocator.buffer(capacity: capacity)
    }

    /// Opens an object, as an array's element or as the whole.
    package mutating func beginObject() {
        self.separate()
        self.buffer.writeInteger(UInt8(ascii: "{"))
        self.needsComma = false
    }

    /// Closes the object that was opened last.
    package mutating func endObject() {
        self.buffer.writeInteger(UInt8(ascii: "}"))
        self.needsComma = true
    }

    /// Opens an array, as an array's element or as the whole.
    package mutating func beginArray() {
        self.separate()
        self.buffer.writeInteger(UInt8(ascii: "["))
        self.needsComma = false
    }

    /// Closes the array that was opened last.
    package mutating func endArray() {
        self.buffer.writeInteger(UInt8(ascii: "]"))
        self.needsComma = true
    }

    /// Writes a member's name; its value has to follow.
    package mutating func name(_ name: String) {
        self.separate()
        self.writeQuoted(name)
        self.buffer.writeInteger(UInt8(ascii: ":"))
        self.needsComma = false
    }

    /// Writes a string.
    package mutating func value(_ value: String) {
        self.separate()
        self.writeQuoted(value)
        self.needsComma = true
    }

    /// Writes a number.
    package mutating func value(_ value: Int) {
        self.separate()
        self.buffer.writeString(String(value))
        self.needsComma = true
    }

    /// Writes a number; infinities and NaN, which JSON lacks, become `null`.
    package mutating func value(_ value: Double) {
        guard value.isFinite else {
            self.null()
            return
        }
        self.separate()
        self.buffer.writeString(value.description)
        self.needsComma = true
    }

    /// Writes `true` or `false`.
    package mutating func value(_ value: Bool) {
        self.separate()
        self.buffer.writeString(value ? "true" : "false")
        self.needsComma = true
    }

    /// Writes `null`.
    package mutating func null() {
        self.separate()
        self.buffer.writeString("null")
        self.needsComma = true
    }

    /// Writes a value that is JSON already.
    package mutating func raw(_ json: ByteBuffer) {
        self.separate()
        self.buffer.writeImmutableBuffer(json)
        self.needsComma = true
    }

    /// Writes a member with a string.
    package mutating func member(_ name: String, _ value: String) {
        self.name(name)
        self.value(value)
    }

    /// Writes a member with a string, or with `null`.
    package mutating func member(_ name: String, _ value: String?) {
        self.name(name)
        if let value {
            self.value(value)
        } else {
            self.null()
        }
    }

    /// Writes a member with a number.
    package mutating func member(_ name: String, _ value: Int) {
        self.name(name)
        self.value(value)
    }

    /// Writes a member with a number, or with `null`.
    package mutating func member(_ name: String, _ value: Int?) {
        self.name(name)
        if let value {
            self.value(value)
        } else {
            self.null()
        }
    }

    /// Writes a member with a number.
    package mutating func member(_ name: String, _ value: Double) {
        self.name(name)
        self.value(value)
    }

    /// Writes a member with a number, or with `null`.
    package mutating func member(_ name: String, _ value: Double?) {
        self.name(name)
        if let value {
            self.value(value)
        } else {
            self.null()
        }
    }

    /// Writes a member with `true` or `false`.
    package mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        self.value(value)
    }

    /// Writes a member with a string, or nothing if there is none or it is empty.
    package mutating func member(_ name: String, ifPresent value: String?) {
        if let value, !value.isEmpty { self.member(name, value) }
    }

    /// Writes a member with a number, or nothing if there is none.
    package mutating func member(_ name: String, ifPresent value: Int?) {
        if let value { self.member(name, value) }
    }

    /// Writes a member with a list of strings.
    package mutating func member(_ name: String, _ values: [String]) {
        self.name(name)
        self.beginArray()
        for value in values {
            self.value(value)
        }
        self.endArray()
    }

    private mutating func separate() {
        if self.needsComma {
            self.buffer.writeInteger(UInt8(ascii: ","))
        }
    }

    /// RFC 8259, section 7: quotation mark, reverse solidus and characters below U+0020 have to be escaped.
    ///
    /// U+2028 and U+2029 need not be: a JSON text is no longer pasted into scripts.
    private mutating func writeQuoted(_ string: String) {
        self.buffer.writeInteger(UInt8(ascii: "\""))
        if string.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            for byte in string.utf8 {
                self.writeEscaped(byte)
            }
        } else {
            self.buffer.writeString(string)
        }
        self.buffer.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.buffer.writeString("\\\"")
        case UInt8(ascii: "\\"): self.buffer.writeString("\\\\")
        case 0x0A: self.buffer.writeString("\\n")
        case 0x0D: self.buffer.writeString("\\r")
        case 0x09: self.buffer.writeString("\\t")
        case 0..<0x20:
            self.buffer.writeString("\\u00")
            self.buffer.writeInteger(Hexadecimal.digit(byte >> 4))
            self.buffer.writeInteger(Hexadecimal.digit(byte & 0xF))
        default: self.buffer.writeInteger(byte)
        }
    }
}
