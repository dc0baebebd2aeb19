import SluiceBase

/// Where a value stands, seen from a record; read once, since each record asks for it.
///
/// Names, or places in arrays, with dots between them, from the record on; each `^` before them begins one element further
/// out, `~` at the description that the run of a SARIF document has of the rule. What stands behind `=` is the value itself.
struct RecordPath: Sendable, ExpressibleByStringLiteral {
    /// Where the steps begin.
    enum Origin: Sendable {
        case value(JSONNode)
        /// So many elements further out than the record.
        case outwards(Int)
        case rule
    }

    /// A member, or an element where it is a number and there is an array.
    struct Step: Sendable {
        let name: String
        let place: Int?
    }

    let origin: Origin
    let steps: [Step]

    init(stringLiteral text: String) {
        if text.hasPrefix("=") {
            self.origin = .value(JSONNode(range: 0..<0, value: .string(String(text.dropFirst()))))
            self.steps = []
            return
        }
        let outwards = text.prefix { $0 == "^" }.count
        let isOfRule = text.hasPrefix("~")
        self.origin = isOfRule ? .rule : .outwards(outwards)
        self.steps = text.dropFirst(isOfRule ? 1 : outwards).split(separator: ".")
            .map { Step(name: String($0), place: Int($0)) }
    }
}
