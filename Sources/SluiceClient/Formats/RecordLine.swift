import SluiceBase

/// The JSON objects in one line of a tool's output.
///
/// Tools write an array over many lines, or all of it on one, with commas before or behind its elements. Each line is
/// read on its own, whatever piece of the array it is.
enum RecordLine {
    /// How many values one line may hold: brackets and commas alone must not fill the memory.
    private static let maximumNodeCount = 1_000_000

    /// Reads a line.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - keys: Members that are checked and not kept, such as whole responses.
    /// - Returns: The objects, none where the line is but a bracket or a comma; nil where it is something else.
    static func objects(in line: OutputLine, leavingOut keys: Set<String> = []) -> [JSONNode]? {
        var rest = self.trimmed(line.bytes[...])
        if rest.first == UInt8(ascii: "[") { rest = self.trimmed(rest.dropFirst()) }
        if rest.last == UInt8(ascii: "]") { rest = self.trimmed(rest.dropLast()) }
        if rest.isEmpty { return [] }
        guard rest.first == UInt8(ascii: "{"), rest.last == UInt8(ascii: "}") else { return nil }
        let array = try? JSONReader.read(
            [UInt8(ascii: "[")] + rest + [UInt8(ascii: "]")],
            .tolerant(maximumNodeCount: self.maximumNodeCount, leavingOut: keys)
        )
        guard let elements = array?.elements, elements.allSatisfy(\.isObject) else { return nil }
        return elements
    }

    /// Without white space and commas at both ends.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBetweenElements(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: ",") }
        var rest = bytes.drop(while: isBetweenElements)
        while let last = rest.last, isBetweenElements(last) { rest = rest.dropLast() }
        return rest
    }
}
