extension StringProtocol {
    /// As much of the text's beginning as so many bytes hold, cut between two characters' codes.
    func prefix(bytes: Int) -> String {
        let text = String(self)
        guard text.utf8.count > bytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytes)
        while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        return String(text[..<end])
    }
}
