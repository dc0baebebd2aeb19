extension Span<UInt8> {
    /// Whether exactly these bytes stand in this place.
    ///
    /// - Parameters:
    ///   - expected: The bytes looked for.
    ///   - range: A range within this span.
    /// - Returns: True if they are the same, in length too.
    @inlinable
    public func holds(_ expected: Span<UInt8>, in range: Range<Int>) -> Bool {
        guard expected.count == range.count else { return false }
        for index in expected.indices where self[range.lowerBound + index] != expected[index] {
            return false
        }
        return true
    }

    /// Whether exactly this text stands in this place.
    ///
    /// - Parameters:
    ///   - expected: ASCII text known when compiling.
    ///   - range: A range within this span.
    /// - Returns: True if they are the same, in length too.
    @inlinable
    public func holds(_ expected: StaticString, in range: Range<Int>) -> Bool {
        guard expected.utf8CodeUnitCount == range.count else { return false }
        var offset = range.lowerBound
        for index in 0..<expected.utf8CodeUnitCount {
            guard unsafe self[offset] == expected.utf8Start[index] else { return false }
            offset += 1
        }
        return true
    }
}
