package import NIOCore
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
    private var bytes: [UInt8]
    private(set) internal var fields: [Field]

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

    // MARK: A head that comes again

    /// All bytes of the head that a reader has found the fields in.
    internal var head: [UInt8] { self.bytes }

    /// Where in the head the values of a field stand.
    internal func places(of name: String) -> [Range<Int>] {
        self.fields.filter { self.isNamed(name, $0) }.map { $0.value }
    }

    /// The fields of a head that has them in the same places.
    internal func moved(to head: [UInt8]) -> HeaderFields {
        precondition(head.count == self.bytes.count, "the same places are in a head of the same length")
        var fields = self
        fields.bytes = head
        return fields
    }

    // MARK: Passing fields on

    /// No fields.
    package init() {
        self.bytes = []
        self.fields = []
    }

    /// How many field lines there are.
    package var count: Int { self.fields.count }

    /// The name of the line of this number, in lower case.
    package func lowercasedName(at index: Int) -> String {
        String(decoding: self.bytes[self.fields[index].name].lazy.map(Self.lowercased), as: UTF8.self)
    }

    /// The value of the line of this number; bytes that are not UTF-8 are replaced.
    package func value(at index: Int) -> String {
        self.text(self.fields[index].value)
    }

    /// Adds a line at the end.
    ///
    /// A name or value that could end its line adds nothing.
    package mutating func append(_ name: String, _ value: String) {
        guard Self.isSafe(name), Self.isSafe(value) else { return }
        self.fields.append(Field(name: self.place(name), value: self.place(value)))
    }

    /// Gives the line of this number another value; its name keeps its letters.
    package mutating func replaceValue(at index: Int, _ value: String) {
        guard Self.isSafe(value) else { return }
        self.fields[index].value = self.place(value)
    }

    /// The lines whose numbers are kept, in their order.
    package func keeping(_ isKept: (Int) -> Bool) -> HeaderFields {
        var kept = self
        kept.fields = self.fields.indices.filter(isKept).map { self.fields[$0] }
        return kept
    }

    /// Writes the lines as they came, each with its end.
    ///
    /// A line that would be none, or two, is left out, whoever has made it.
    package func write(into buffer: inout ByteBuffer) {
        for field in self.fields where self.isLine(field) {
            buffer.writeBytes(self.bytes[field.name])
            buffer.writeStaticString(": ")
            buffer.writeBytes(self.bytes[field.value])
            buffer.writeStaticString("\r\n")
        }
    }

    private func isLine(_ field: Field) -> Bool {
        !field.name.isEmpty && self.bytes[field.name].allSatisfy(HTTPToken.contains)
            && self.bytes[field.value].allSatisfy(Self.isText)
    }

    private mutating func place(_ text: String) -> Range<Int> {
        let start = self.bytes.count
        self.bytes += text.utf8
        return start..<self.bytes.count
    }

    private static func isSafe(_ text: String) -> Bool {
        text.utf8.allSatisfy(Self.isText)
    }

    private static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
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

    /// Whether a tab stands behind a value that says how long a body is.
    internal var hasTabBehindFraming: Bool {
        self.fields.contains { field in
            (self.isNamed("content-length", field) || self.isNamed("transfer-encoding", field))
                && self.hasTrailingTab(field)
        }
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
