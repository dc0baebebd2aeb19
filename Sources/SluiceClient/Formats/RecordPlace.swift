import SluiceBase

/// One record, and the values around it that say more about it.
struct RecordPlace: Sendable {
    /// From the document to the record.
    let chain: [JSONNode]

    var record: JSONNode { self.chain[self.chain.count - 1] }

    /// Finds a value.
    ///
    /// - Parameter path: Names, or places in arrays, with dots between them, from the record on; each `^` before them
    ///   begins one element further out, `~` at the description that the run of a SARIF document has of the rule. What
    ///   stands behind `=` is the value itself.
    /// - Returns: The value; nil where there is none, or `null`.
    func node(_ path: String) -> JSONNode? {
        if path.hasPrefix("=") { return JSONNode(range: 0..<0, value: .string(String(path.dropFirst()))) }
        var steps = path[...]
        var level = self.chain.count - 1
        while steps.hasPrefix("^") {
            steps.removeFirst()
            level -= 1
        }
        var node: JSONNode?
        if steps.hasPrefix("~") {
            steps.removeFirst()
            node = self.described
        } else if self.chain.indices.contains(level) {
            node = self.chain[level]
        }
        for step in steps.split(separator: ".") {
            if let place = Int(step), case .array(let elements)? = node?.value {
                node = elements.indices.contains(place) ? elements[place] : nil
            } else {
                node = node?.present(String(step))
            }
        }
        return node
    }

    /// What a SARIF run says about the rule of this result: in its driver or an extension, by name or else by place.
    private var described: JSONNode? {
        guard self.chain.count > 1 else { return nil }
        let tool = self.chain[self.chain.count - 2]["tool"]
        let components = [tool?["driver"]].compactMap { $0 } + (tool?["extensions"]?.elements ?? [])
        let name = self.record["ruleId"]?.string ?? self.record["rule"]?["id"]?.string
        if let name {
            for component in components {
                let found = component["rules"]?.elements.first { $0["id"]?.string == name }
                if let found { return found }
            }
        }
        let index = self.record["ruleIndex"]?.integer ?? self.record["rule"]?["index"]?.integer
        let rules = tool?["driver"]?["rules"]?.elements ?? []
        return index.flatMap { rules.indices.contains($0) ? rules[$0] : nil }
    }
}
