internal import SluiceBase

/// The header fields of a request, as they came: bytes in one piece, and where in them each name and value stands.
///
/// A value becomes a string when it is asked for, and most never are. White space around a value is no part of it
/// (RFC 9110, section 5.5).
package struct HeaderFields: Sendable {
    /// Where one field stands.
    internal struct Field: Sendable {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// Holds no more than the head, so that a request that lasts keeps no receive buffer alive.
    private let bytes: [UInt8]
    internal let fields: [Field]

    /// The fields that a reader has found.
    ///
    /// - Parameters:
    ///   - bytes: The head.
    ///   - fields: Where in it the names and the values stand; white space around values is left out here.
    internal init(_ bytes: [UInt8], fields: [Field]) {
        self.bytes = bytes
        self.fields = fields.map { Field(name: $0.name, value: Self.trimmed($0.value, bytes)) }
    }

    /// Fields that come one by one.
    package init(_ fields: some Sequence<(String, String)>) {
        var bytes: [UInt8] = []
        var places: [Field] = []
        for (name, value) in fields {
            let start = bytes.count
            bytes += name.utf8
            let middle = bytes.count
            bytes += value.utf8
            places.append(Field(name: start..<middle, value: middle..<bytes.count))
        }
        self.init(bytes, fields: places)
    }

    /// The values of a field, in the order of its lines; the case of the name does not count.
    package subscript(name: String) -> [String] {
        var values: [String] = []
        for field in self.fields where self.isNamed(name, field) {
            values.append(self.text(field.value))
        }
        return values
    }

    /// The elements of a field that is a list, of all its lines (RFC 9110, section 5.6.1), without white space around
    /// them.
    package func elements(of name: String) -> [String] {
        // By bytes: a comma is one whatever mark follows that would join it as a character.
        self[name]
            .flatMap { value in
                value.utf8.split(separator: UInt8(ascii: ",")).map { Substring($0).trimming(in: " \t") }
            }
    }

    /// Whether a field stands there.
    package func contains(name: String) -> Bool {
        self.fields.contains { self.isNamed(name, $0) }
    }

    /// A field's value as a string; bytes that are not UTF-8 are replaced.
    internal func text(_ range: Range<Int>) -> String {
        String(decoding: self.bytes[range], as: UTF8.self)
    }

    /// Whether a tab stands behind a field's value.
    ///
    /// White space it is, but parsers do not agree on it where the value says how long the body is.
    internal func hasTrailingTab(_ field: Field) -> Bool {
        self.bytes[field.value.upperBound...].prefix(while: Self.isSpace).contains(0x09)
    }

    /// Whether a field has this name.
    ///
    /// The lengths of the names tell most fields apart without looking at them.
    internal func isNamed(_ name: String, _ field: Field) -> Bool {
        guard name.utf8.count == field.name.count else { return false }
        var place = field.name.lowerBound
        for byte in name.utf8 {
            guard Self.lowercased(byte) == Self.lowercased(self.bytes[place]) else { return false }
            place += 1
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    private static func trimmed(_ range: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, Self.isSpace(bytes[start]) { start += 1 }
        while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }
}
