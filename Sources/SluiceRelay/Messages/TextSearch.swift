/// Looks for some bytes among others.
///
/// By the method of Knuth, Morris and Pratt: however text and bytes are made, no byte is looked at more than twice, so that
/// the cost is linear whatever a producer posts and a reader looks for.
package struct TextSearch: Hashable, Sendable {
    /// The longest text that may be looked for, in bytes.
    package static let maximumByteCount = 256

    /// The text to search for.
    package let text: [UInt8]
    /// For each length of the text's beginning, how much still fits if the next byte does not.
    private let fallbacks: [Int]

    /// - Parameter text: At least one byte; bytes beyond ``maximumByteCount`` are ignored.
    package init?(_ text: some Sequence<UInt8>) {
        let text = Array(text.prefix(Self.maximumByteCount))
        guard !text.isEmpty else {
            return nil
        }
        var fallbacks = [Int](repeating: 0, count: text.count)
        var length = 0
        for place in text.indices.dropFirst() {
            while length > 0, text[place] != text[length] {
                length = fallbacks[length - 1]
            }
            if text[place] == text[length] {
                length += 1
            }
            fallbacks[place] = length
        }
        self.text = text
        self.fallbacks = fallbacks
    }

    /// Whether the text stands somewhere among the bytes.
    package func isFound(in bytes: Span<UInt8>) -> Bool {
        self.lookedAt(in: bytes).isFound
    }

    /// Whether the text is somewhere in an object, given the object's bytes after its opening brace.
    package func isFound(inObject body: Span<UInt8>) -> Bool {
        if self.isFound(in: body) {
            return true
        }
        guard self.text[0] == UInt8(ascii: "{"), self.text.count <= body.count + 1 else {
            return false
        }
        return self.text.indices.dropFirst().allSatisfy { body[$0 - 1] == self.text[$0] }
    }

    /// Whether the text stands somewhere among the bytes, and how often a byte was looked at to find that out.
    @inline(__always)
    func lookedAt(in bytes: Span<UInt8>) -> (isFound: Bool, count: Int) {
        let first = self.text[0]
        var length = 0
        var place = 0
        var count = 0
        while place < bytes.count {
            let byte = bytes[place]
            count &+= 1
            if length == 0, byte != first {
                place &+= 1
            } else if byte == self.text[length] {
                length &+= 1
                place &+= 1
                if length == self.text.count {
                    return (true, count)
                }
            } else {
                length = self.fallbacks[length &- 1]
            }
        }
        return (false, count)
    }
}
