extension StringProtocol {
    /// The text without these characters at both ends.
    package func trimming(in characters: String) -> String {
        var rest = Substring(self)
        while let first = rest.first, characters.contains(first) {
            rest.removeFirst()
        }
        while let last = rest.last, characters.contains(last) {
            rest.removeLast()
        }
        return String(rest)
    }
}
