internal import SluiceBase

/// The places in a message of the top-level fields that report the scan's progress.
///
/// They are the producer's own fields, so no value is a fault: a value of an unexpected kind is ignored.
struct NotedFields {
    /// A field that is noted.
    enum Name {
        case phase
        case percent
        case message
        case error

        /// The field of this name, if it is one of them.
        ///
        /// - Parameters:
        ///   - bytes: The unescaped bytes that the name stands in.
        ///   - range: Where in them.
        @inline(__always)
        init?(_ bytes: Span<UInt8>, in range: Range<Int>) {
            switch range.count {
            case 5 where bytes.holds("phase", in: range): self = .phase
            case 5 where bytes.holds("error", in: range): self = .error
            case 7 where bytes.holds("percent", in: range): self = .percent
            case 7 where bytes.holds("message", in: range): self = .message
            default: return nil
            }
        }
    }

    /// The longest number that is looked at, in bytes.
    private static let maximumNumberBytes = 64

    // The ranges of their values; the last of several counts, as it does for readers of the message.
    private(set) var phase: Range<Int>?
    private(set) var percent: Range<Int>?
    private(set) var message: Range<Int>?
    private(set) var error: Range<Int>?

    /// A field's value stands here.
    mutating func note(_ name: Name, _ value: Range<Int>) {
        switch name {
        case .phase: self.phase = value
        case .percent: self.percent = value
        case .message: self.message = value
        case .error: self.error = value
        }
    }

    /// The percentage, if it is a number: 0 to 100, whatever it was.
    func percent(_ bytes: Span<UInt8>) -> Double? {
        guard let value = self.percent, value.count <= Self.maximumNumberBytes else { return nil }
        let first = bytes[value.lowerBound]
        guard first == UInt8(ascii: "-") || 0x30...0x39 ~= first else { return nil }
        let text = String(decoding: value.map { bytes[$0] }, as: UTF8.self)
        return Double(text).flatMap { Self.percentage($0) }
    }

    /// A number from outside as a percentage: 0 to 100; nil if it is not a number.
    static func percentage(_ number: Double) -> Double? {
        number.isNaN ? nil : number > 0 ? min(number, 100) : 0
    }

    /// The text of a value, if it is a string, cut off after `maximumBytes`.
    func text(of value: Range<Int>?, _ bytes: Span<UInt8>, maximumBytes: Int) -> String? {
        guard let value, bytes[value.lowerBound] == UInt8(ascii: "\"") else { return nil }
        let contents = (value.lowerBound + 1)..<(value.upperBound - 1)
        let string = JSONString(contents: contents, hasEscapes: true)
        let unescaped = string.unescaped(bytes, enough: maximumBytes + 1)
        var end = min(unescaped.count, maximumBytes)
        // Not within a character: only its first byte does not begin with the bits 10.
        while end > 0, end < unescaped.count, unescaped[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: unescaped[..<end], as: UTF8.self)
    }
}
