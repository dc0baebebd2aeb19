import Testing

/// Like `#expect(found == expected)`, for mutating calls: the macro evaluates a copy.
func check<Value: Equatable>(
    _ found: Value,
    _ expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}
