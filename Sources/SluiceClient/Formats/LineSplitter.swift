import SluiceBase

/// Splits a stream of bytes into lines of bounded size.
///
/// A carriage return ends a line too, because scanners redraw their progress with it. `\r\n` is one line end, not two.
struct LineSplitter: Sendable {
    private let maximumBytes: Int
    private var pending: [UInt8] = []
    private var isOverlong = false
    private var lastWasReturn = false

    /// A splitter with nothing in it.
    ///
    /// - Parameter maximumBytes: The most bytes of a line; the rest of a longer one is dropped.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Takes the next bytes, and returns the lines that they complete.
    mutating func append(_ chunk: ArraySlice<UInt8>) -> [OutputLine] {
        var lines: [OutputLine] = []
        var start = chunk.startIndex
        for index in chunk.indices {
            let byte = chunk[index]
            guard byte == 0x0A || byte == 0x0D else {
                self.lastWasReturn = false
                continue
            }
            if byte == 0x0A, self.lastWasReturn {
                self.lastWasReturn = false
            } else {
                self.keep(chunk[start..<index])
                lines.append(self.takePending())
                self.lastWasReturn = byte == 0x0D
            }
            start = index + 1
        }
        self.keep(chunk[start...])
        return lines
    }

    /// Returns the last line of a stream that ended without a line end; nil where nothing is left.
    mutating func finish() -> OutputLine? {
        self.pending.isEmpty && !self.isOverlong ? nil : self.takePending()
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) {
        let room = self.maximumBytes - self.pending.count
        self.pending.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { self.isOverlong = true }
    }

    private mutating func takePending() -> OutputLine {
        let line = OutputLine(bytes: self.pending, isTruncated: self.isOverlong)
        // Frees the buffer, so that a long line leaves none of its size behind.
        self.pending = []
        self.isOverlong = false
        return line
    }
}

/// One line of a scanner's output, without its end.
struct OutputLine: Sendable, Equatable {
    /// The most bytes of a line in a `line` message: even with every byte escaped to six, the message is within the
    /// gateway's limit.
    static let maximumTextBytes = 32 * 1024

    let bytes: [UInt8]

    /// Whether the line exceeded the limit, so that its end is missing.
    let isTruncated: Bool

    /// The line as text; bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Whether the line is empty, or only spaces and tabs.
    var isBlank: Bool { self.bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    init(bytes: [UInt8], isTruncated: Bool = false) {
        self.bytes = bytes
        self.isTruncated = isTruncated
    }

    init(_ text: String) {
        self.init(bytes: Array(text.utf8))
    }
}

/// The JSON objects in one line of a tool's output.
///
/// Tools write an array over several lines, or on one, with commas before or after its elements. Each line is read on
/// its own, whichever piece of the array it is.
enum RecordLine {
    /// The most values in one line, so that brackets and commas alone cannot fill the memory.
    private static let maximumNodeCount = 1_000_000

    /// Reads a line.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - keys: Members that are checked but not kept, such as whole responses.
    /// - Returns: The objects, none where the line has only brackets or commas; nil where it holds anything else.
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

    /// The bytes without white space and commas at both ends.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBetweenElements(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: ",") }
        var rest = bytes.drop(while: isBetweenElements)
        while let last = rest.last, isBetweenElements(last) { rest = rest.dropLast() }
        return rest
    }
}
