extension FixedWidthInteger {
    /// The integer nearest to a number: the minimum or the maximum for a number beyond them, and 0 for NaN.
    ///
    /// All numbers from outside are converted here and nowhere else: Swift's own conversion ends the process for 1e300
    /// and for NaN.
    package init(clamping number: Double) {
        if let exact = Self(exactly: number.rounded()) {
            self = exact
        } else {
            self = number.isNaN ? 0 : number < 0 ? .min : .max
        }
    }
}
