/// One tag of an XML document: what a scanner's report says stands in tags and their attributes alone.
struct XMLTag: Sendable, Equatable {
    /// The element's name; of `</port>` it is `port`.
    let name: String

    /// Whether this is an end tag.
    let isEnd: Bool

    /// The attributes, without entities; of one given twice the last.
    let attributes: [String: String]

    subscript(attribute: String) -> String? {
        self.attributes[attribute].flatMap { $0.isEmpty ? nil : $0 }
    }
}
