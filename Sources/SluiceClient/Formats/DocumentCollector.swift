import SluiceBase

/// Puts the lines of a JSON document together that a tool writes over many of them.
///
/// What is none after all is given back line by line, so that nothing vanishes: where a line cannot go on with the
/// document, where it grows beyond the limit, and at the end.
struct DocumentCollector: Sendable {
    /// What a line is.
    enum Step: Sendable, Equatable {
        /// No part of a document.
        case none

        /// A part of one that goes on.
        case held

        /// The last part: all of it.
        case whole(Document)
    }

    /// A document, as one text and as the lines that it was written in.
    struct Document: Sendable, Equatable {
        /// The lines, with a space between two of them.
        private(set) var bytes: [UInt8] = []
        /// Where each line ends.
        private var ends: [Int] = []

        var lineCount: Int { self.ends.count }

        var lines: [OutputLine] {
            self.ends.indices.map { index in
                let start = index == 0 ? 0 : self.ends[index - 1] + 1
                return OutputLine(bytes: Array(self.bytes[start..<self.ends[index]]))
            }
        }

        mutating func append(_ line: OutputLine) {
            if self.ends.isEmpty {
                self.bytes = line.bytes
            } else {
                self.bytes.append(0x20)
                self.bytes += line.bytes
            }
            self.ends.append(self.bytes.count)
        }
    }

    /// How much of a document is held, in bytes.
    static let maximumBytes = 32 * 1024 * 1024

    /// What a line takes besides its text: a document of empty lines fills the memory too.
    private static let lineOverhead = 64

    private var document = Document()
    private var byteCount = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// How the last line ended, white space aside.
    private var lastByte: UInt8 = 0

    /// Takes a line.
    ///
    /// - Returns: What it is, and the lines before it that turned out to be no document.
    mutating func append(_ line: OutputLine) -> (step: Step, released: [OutputLine]) {
        var released: [OutputLine] = []
        if self.document.lineCount > 0, !self.mayContinue(line) { released = self.release() }
        if self.document.lineCount == 0, !Self.mayBegin(line) { return (.none, released) }
        self.document.append(line)
        self.byteCount += line.bytes.count + Self.lineOverhead
        let isClosed = self.scan(line.bytes)
        if isClosed {
            let document = self.document
            self = DocumentCollector()
            return (.whole(document), released)
        }
        // Pieces of half a document would be none: beyond the limit each line is one.
        if self.byteCount > Self.maximumBytes { return (.held, released + self.release()) }
        return (.held, released)
    }

    /// Gives back what is held.
    mutating func release() -> [OutputLine] {
        defer { self = DocumentCollector() }
        return self.document.lines
    }

    /// Whether a line may be the first of a document: a bracket, and what can stand behind it.
    private static func mayBegin(_ line: OutputLine) -> Bool {
        let rest = line.bytes.drop { self.isSpace($0) }
        guard let first = rest.first else { return false }
        let second = rest.dropFirst().first { !self.isSpace($0) }
        switch first {
        case UInt8(ascii: "{"):
            return second == nil || second == UInt8(ascii: "\"") || second == UInt8(ascii: "}")
        case UInt8(ascii: "["):
            return second == nil || second == UInt8(ascii: "{") || second == UInt8(ascii: "]")
        default:
            return false
        }
    }

    /// Whether a line may continue the lines held: it starts as a line within a document can, and an object only after
    /// a bracket, a comma or a colon.
    private func mayContinue(_ line: OutputLine) -> Bool {
        let rest = line.bytes.drop { Self.isSpace($0) }
        guard let first = rest.first else { return true }
        switch first {
        case UInt8(ascii: "{"):
            return "[,:".utf8.contains(self.lastByte)
        case UInt8(ascii: "\""), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","),
            UInt8(ascii: "-"), 0x30...0x39:
            return true
        default:
            let word = String(decoding: rest.prefix { $0 != UInt8(ascii: ",") && !Self.isSpace($0) }, as: UTF8.self)
            return ["true", "false", "null"].contains(word)
        }
    }

    /// Follows strings and brackets.
    ///
    /// - Returns: Whether all brackets are closed.
    private mutating func scan(_ bytes: [UInt8]) -> Bool {
        for byte in bytes {
            if self.isInString {
                if self.isEscaped {
                    self.isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    self.isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    self.isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                self.isInString = true
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                self.depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                self.depth -= 1
            }
        }
        if let last = bytes.last(where: { !Self.isSpace($0) }) { self.lastByte = last }
        // A string does not continue on the next line.
        self.isInString = false
        self.isEscaped = false
        return self.depth <= 0
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
