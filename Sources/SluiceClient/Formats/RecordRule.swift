import SluiceBase

/// How the records in one kind of JSON document become messages: a row of the table of formats.
struct RecordRule: Sendable {
    /// What a record becomes.
    enum Outcome: Sendable {
        /// A message of this type, with the rule's fields.
        case message(String)

        /// An open port of a host, or a host alone where there is no port: each said once.
        case openPort

        /// Nothing: what such a document says is of no use to who follows a scan.
        case nothing
    }

    /// A member that tells the documents of this rule from others.
    struct Mark: Sendable {
        let name: String

        /// The text that it has to be; nil: any value but `null`.
        var text: String?
    }

    /// Whose documents these are.
    let format: ScanFormat
    let outcome: Outcome

    /// What the documents of this rule have, all of it.
    let marks: [Mark]

    /// The arrays that lead from the document to its records, each within an element of the one before; none: the
    /// document is the record.
    var path: [String] = []

    /// Whether an element whose innermost array is empty is a record itself.
    var countsEmpty = false

    /// The texts by which a record says that it found nothing, and where it says so.
    var passesOver: [(path: RecordPath, texts: Set<String>)] = []

    /// All members that such documents have; empty: any may be there.
    ///
    /// One with another is some other tool's, unless the format was asked for.
    var knownNames: Set<String> = []

    /// In the order of the message.
    var fields: [RecordField] = []

    /// Whether a document is of this rule; one with a `type` is a message, but for the rules that know their types.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - asked: The format that was asked for.
    /// - Returns: Whether it is.
    func recognises(_ document: JSONNode, asked: ScanFormat? = nil) -> Bool {
        guard
            self.knownNames.isEmpty || self.format == asked
                || document.members.allSatisfy({ self.knownNames.contains($0.name) })
        else { return false }
        guard document["type"]?.string == nil || self.marks.contains(where: { $0.name == "type" }) else { return false }
        return self.marks.allSatisfy { mark in
            guard let node = document.present(mark.name) else { return false }
            return mark.text == nil || node.string == mark.text
        }
    }

    /// The records of a document; nil where a part of it is unknown to this rule.
    func records(in document: JSONNode) -> [RecordPlace]? {
        var places = [RecordPlace(chain: [document])]
        for (index, name) in self.path.enumerated() {
            let isLast = index == self.path.count - 1
            var next: [RecordPlace] = []
            for place in places {
                let member = place.record.present(name)
                var elements: [JSONNode] = []
                if let member {
                    guard case .array(let found) = member.value, found.allSatisfy(\.isObject) else { return nil }
                    elements = found
                }
                let isRecord = isLast && self.countsEmpty && elements.isEmpty
                let rules = isLast && self.format == .sarif ? SARIFRules(run: place.record) : nil
                next += (isRecord ? [place.record] : elements)
                    .map { RecordPlace(chain: place.chain + [$0], rule: rules?.rule(of: $0)) }
            }
            places = next
        }
        return places.filter { place in
            self.passesOver.allSatisfy { path, texts in
                !(place.node(path)?.scalarText.map { texts.contains($0.lowercased()) } ?? false)
            }
        }
    }
}
