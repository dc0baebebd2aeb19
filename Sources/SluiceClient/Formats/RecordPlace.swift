import SluiceBase

/// One record, and the values around it that say more about it.
struct RecordPlace: Sendable {
    /// From the document to the record.
    let chain: [JSONNode]
    /// What the run of a SARIF document says of the record's rule.
    var rule: JSONNode?

    var record: JSONNode { self.chain[self.chain.count - 1] }

    /// Finds a value; nil where there is none, or `null`.
    func node(_ path: RecordPath) -> JSONNode? {
        var node: JSONNode?
        switch path.origin {
        case .value(let value): node = value
        case .rule: node = self.rule
        case .outwards(let count):
            let level = self.chain.count - 1 - count
            node = self.chain.indices.contains(level) ? self.chain[level] : nil
        }
        for step in path.steps {
            if let place = step.place, case .array(let elements)? = node?.value {
                node = elements.indices.contains(place) ? elements[place] : nil
            } else {
                node = node?.present(step.name)
            }
        }
        return node
    }
}

/// What a run of a SARIF document says about its rules, read once: results are many, and so are rules.
struct SARIFRules: Sendable {
    /// Those of the driver and of extensions; of two with one name, the first.
    private var named: [String: JSONNode] = [:]
    /// Those of the driver, in their order.
    private let placed: [JSONNode]

    init(run: JSONNode) {
        let tool = run["tool"]
        self.placed = tool?["driver"]?["rules"]?.elements ?? []
        for component in [tool?["driver"]].compactMap({ $0 }) + (tool?["extensions"]?.elements ?? []) {
            for rule in component["rules"]?.elements ?? [] {
                if let name = rule["id"]?.string, self.named[name] == nil { self.named[name] = rule }
            }
        }
    }

    /// The rule of a result: by name, or else by its place in the driver.
    func rule(of result: JSONNode) -> JSONNode? {
        let name = result["ruleId"]?.string ?? result["rule"]?["id"]?.string
        if let found = name.flatMap({ self.named[$0] }) { return found }
        let index = result["ruleIndex"]?.integer ?? result["rule"]?["index"]?.integer
        return index.flatMap { self.placed.indices.contains($0) ? self.placed[$0] : nil }
    }
}
