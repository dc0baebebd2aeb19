extension FixedWidthInteger {
    /// The whole number nearest to any number: the least or the greatest for one beyond them, and 0 for what is none.
    ///
    /// Numbers that others wrote become whole here and nowhere else: Swift's own conversion ends the process for 1e300
    /// and for NaN.
    package init(clamping number: Double) {
        if let exact = Self(exactly: number.rounded()) {
            self = exact
        } else {
            self = number.isNaN ? 0 : number < 0 ? .min : .max
        }
    }
}
