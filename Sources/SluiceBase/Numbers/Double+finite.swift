extension Double {
    /// Reads a number that can be shown and reckoned with: tools print `nan` and `inf` where they divide by nothing.
    package init?(finite text: some StringProtocol) {
        guard let value = Double(text), value.isFinite else { return nil }
        self = value
    }
}
