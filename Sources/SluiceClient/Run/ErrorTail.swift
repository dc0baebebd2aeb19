/// The last lines that a scanner wrote to standard error: why it failed, in its own words.
struct ErrorTail: Sendable {
    /// How many lines are kept, and how much of each and of all of them, in bytes.
    private static let maximumCount = 10
    private static let maximumLineBytes = 500
    private static let maximumBytes = 2000

    private var lines: [String] = []

    /// Takes a line; an empty one says nothing.
    mutating func append(_ line: OutputLine) {
        // Cut before it is looked at: of a long line only its beginning is shown.
        let text = String(decoding: line.bytes.prefix(4 * Self.maximumLineBytes), as: UTF8.self)
        let shown = DisplayText.withoutColours(text).split { $0 == " " || $0 == "\t" }.joined(separator: " ")
        guard !shown.isEmpty else { return }
        if self.lines.count == Self.maximumCount { self.lines.removeFirst() }
        self.lines.append(DisplayText.escaped(shown).prefix(bytes: Self.maximumLineBytes))
    }

    /// The lines, one below the other, control characters written out; nothing if there was none.
    var text: String? {
        var kept = self.lines[...]
        while kept.reduce(kept.count, { $0 + $1.utf8.count }) > Self.maximumBytes, kept.count > 1 { kept.removeFirst() }
        return kept.isEmpty ? nil : kept.joined(separator: "\n")
    }
}
