/// One line of a scanner's output, without its end.
struct OutputLine: Sendable, Equatable {
    /// How much of a line goes into a `line` message, in bytes: six times as much, fully escaped, still is a
    /// message that the gateway takes.
    static let maximumTextBytes = 32 * 1024

    let bytes: [UInt8]

    /// Whether the line was longer than the limit, so that its end is missing.
    let isTruncated: Bool

    /// The line as text; what is not UTF-8 becomes U+FFFD.
    var text: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Whether there is nothing to see in it.
    var isBlank: Bool { self.bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    init(bytes: [UInt8], isTruncated: Bool = false) {
        self.bytes = bytes
        self.isTruncated = isTruncated
    }

    init(_ text: String) {
        self.init(bytes: Array(text.utf8))
    }
}
