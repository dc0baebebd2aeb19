extension FixedWidthInteger {
    /// The whole number nearest to zero's side of a number that may be any: the least or the greatest for one beyond
    /// them, 0 for one that is none.
    ///
    /// Swift's own conversion traps on all of these, and numbers come from outside.
    package init(clamping number: Double) {
        if let exact = Self(exactly: number.rounded(.towardZero)) {
            self = exact
        } else {
            self = number.isNaN ? 0 : number < 0 ? .min : .max
        }
    }
}
