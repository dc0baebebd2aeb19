/// Looks for some bytes among others, by Horspool's method: it passes over as many as the last one it met allows.
package struct TextSearch: Hashable, Sendable {
    /// The longest text that may be looked for, in bytes.
    package static let maximumByteCount = 256

    /// What is looked for.
    package let text: [UInt8]
    /// How far to go on from a byte under the text's last place.
    private let skips: [UInt16]

    /// - Parameter text: At least one byte; what goes beyond ``maximumByteCount`` is left out.
    package init?(_ text: some Sequence<UInt8>) {
        let text = Array(text.prefix(Self.maximumByteCount))
        guard !text.isEmpty else {
            return nil
        }
        var skips = [UInt16](repeating: UInt16(text.count), count: 256)
        for (place, byte) in text.dropLast().enumerated() {
            skips[Int(byte)] = UInt16(text.count - 1 - place)
        }
        self.text = text
        self.skips = skips
    }

    /// Whether the text stands somewhere among the bytes.
    package func isFound(in bytes: Span<UInt8>) -> Bool {
        let last = self.text.count - 1
        var end = last
        while end < bytes.count {
            let byte = bytes[end]
            if byte == self.text[last], self.stands(in: bytes, endingAt: end) {
                return true
            }
            end += Int(self.skips[Int(byte)])
        }
        return false
    }

    /// Whether the text stands somewhere in an object of which only what follows its opening brace is there.
    package func isFound(inObject body: Span<UInt8>) -> Bool {
        if self.isFound(in: body) {
            return true
        }
        guard self.text[0] == UInt8(ascii: "{"), self.text.count <= body.count + 1 else {
            return false
        }
        return self.text.indices.dropFirst().allSatisfy { body[$0 - 1] == self.text[$0] }
    }

    private func stands(in bytes: Span<UInt8>, endingAt end: Int) -> Bool {
        let start = end - self.text.count + 1
        for place in self.text.indices where bytes[start + place] != self.text[place] {
            return false
        }
        return true
    }
}
