import Testing

/// As `#expect(found == expected)`, for what changes a value while it answers: the macro evaluates a copy.
func check<Value: Equatable>(
    _ found: Value,
    _ expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found == expected, sourceLocation: sourceLocation)
}
