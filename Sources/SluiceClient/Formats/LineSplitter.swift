/// Cuts a stream of bytes into lines, with a limit on what a line may hold in memory.
///
/// A carriage return ends a line too: scanners redraw their progress with it. `\r\n` is one end, not two.
struct LineSplitter: Sendable {
    private let maximumBytes: Int
    private var pending: [UInt8] = []
    private var isOverlong = false
    private var lastWasReturn = false

    /// A splitter with nothing in it.
    ///
    /// - Parameter maximumBytes: What is beyond this in a line is left out.
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

    /// Returns what is left when the stream has ended without ending its last line.
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
        // A long line leaves no buffer of its size behind.
        self.pending = []
        self.isOverlong = false
        return line
    }
}
