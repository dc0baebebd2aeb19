extension Int {
    /// The nearest whole number there is, and 0 for what is no number.
    ///
    /// Numbers that others wrote become whole here and nowhere else: `Int(_:)` ends the process for 1e300 and for NaN.
    init(clamping value: Double) {
        self = Int(exactly: value.rounded()) ?? (value > 0 ? .max : value < 0 ? .min : 0)
    }
}
