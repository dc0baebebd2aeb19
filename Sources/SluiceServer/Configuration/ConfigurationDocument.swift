internal import Yams

/// Turns YAML text into a ``ConfigurationNode``, and unwanted features of YAML into faults.
///
/// One document, maps, lists and scalars. Anchors, aliases and tags are refused: a configuration has no use for
/// them, and an alias can make little text mean very much.
struct ConfigurationDocument {
    /// Maps and lists within each other; far more than any key needs.
    private static let maximumDepth = 16
    /// Yams stops at a key given twice; up to this many are set aside one by one, to read on behind them.
    private static let maximumRenames = 32

    /// The variable that the text is the value of; nil for the file.
    let variable: String?
    /// The key that the text is the value of; empty for the file.
    let keyPath: String
    private var renamed: [String: String] = [:]

    init(variable: String? = nil, keyPath: String = "") {
        self.variable = variable
        self.keyPath = keyPath
    }

    /// The root of the text; nil if there is none, or if it cannot be read, which is then a fault.
    mutating func read(_ text: String, into reading: inout ConfigurationReading) -> ConfigurationNode? {
        var text = text
        // YAML 1.2 section 5.2: it may come before the document, and takes no column.
        if text.unicodeScalars.first == "\u{FEFF}" {
            text.unicodeScalars.removeFirst()
        }
        while true {
            do {
                // Nodes hold their anchors weakly: the parser must outlive the conversion.
                let parser = try Yams.Parser(yaml: text, encoding: .utf8)
                let root = try parser.nextRoot()
                let second = try root == nil ? nil : parser.nextRoot()
                return withExtendedLifetime(parser) {
                    if let second {
                        self.fault("expected one document, found another", second.mark, &reading)
                    }
                    return root.flatMap { self.convert($0, self.keyPath, depth: 0, &reading) }
                }
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                guard let name = names.first, self.setAside(name, at: context.mark, in: &text) else {
                    self.fault("\(names.joined(separator: ", ")): given twice", context.mark, &reading)
                    return nil
                }
            } catch {
                self.fault(error, text, &reading)
                return nil
            }
        }
    }
}

extension ConfigurationDocument {
    private func place(_ mark: Mark?) -> ConfigurationPlace {
        if let variable = self.variable {
            return .environment(variable)
        }
        return mark.map { .position(line: $0.line, column: $0.column) } ?? .file
    }

    private func fault(_ message: String, _ mark: Mark?, _ reading: inout ConfigurationReading) {
        reading.fault(message, self.keyPath, at: self.place(mark))
    }

    private func fault(_ error: any Error, _ text: String, _ reading: inout ConfigurationReading) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let context = context.map { " (\($0.text), line \($0.mark.line))" } ?? ""
            self.fault("not YAML: \(problem)\(context)", mark, &reading)
        case YamlError.reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.count(where: \.isNewline) + 1
            let column = before.reversed().prefix { !$0.isNewline }.count + 1
            let place =
                self.variable.map { .environment($0) } ?? ConfigurationPlace.position(line: line, column: column)
            reading.fault("not YAML: \(problem)", self.keyPath, at: place)
        default:
            self.fault("not YAML", nil, &reading)
        }
    }

    private func convert(
        _ node: Yams.Node,
        _ keyPath: String,
        depth: Int,
        _ reading: inout ConfigurationReading
    ) -> ConfigurationNode? {
        let place = self.place(node.mark)
        guard node.anchor == nil else {
            self.refuse("anchors and aliases are not supported", keyPath, at: place, &reading)
            return nil
        }
        guard depth <= Self.maximumDepth else {
            reading.fault("nested too deep", keyPath, at: place)
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return self.convert(scalar, keyPath, at: place, &reading)
        case .sequence(let sequence):
            guard self.isUntagged(sequence.tag, keyPath, at: place, &reading) else {
                return nil
            }
            let items = sequence.enumerated()
                .compactMap { index, item in
                    self.convert(item, "\(keyPath)[\(index)]", depth: depth + 1, &reading)
                }
            return ConfigurationNode(place: place, content: .list(items))
        case .mapping(let mapping):
            guard self.isUntagged(mapping.tag, keyPath, at: place, &reading) else {
                return nil
            }
            let entries = mapping.compactMap { key, value in
                self.convert(key, value, keyPath, depth: depth + 1, &reading)
            }
            return ConfigurationNode(place: place, content: .map(entries))
        case .alias:
            self.refuse("anchors and aliases are not supported", keyPath, at: place, &reading)
            return nil
        }
    }

    private func convert(
        _ scalar: Yams.Node.Scalar,
        _ keyPath: String,
        at place: ConfigurationPlace,
        _ reading: inout ConfigurationReading
    ) -> ConfigurationNode? {
        guard self.isUntagged(scalar.tag, keyPath, at: place, &reading) else {
            return nil
        }
        let style = scalar.style == .plain ? ConfigurationScalar.Style.plain : .quoted
        return ConfigurationNode(place: place, content: .scalar(ConfigurationScalar(text: scalar.string, style: style)))
    }

    /// One entry of a map.
    ///
    /// Its value is found where its key stands.
    private func convert(
        _ key: Yams.Node,
        _ value: Yams.Node,
        _ keyPath: String,
        depth: Int,
        _ reading: inout ConfigurationReading
    ) -> ConfigurationNode.Entry? {
        let place = self.place(key.mark)
        guard case .scalar(let scalar) = key, key.anchor == nil else {
            reading.fault("expected a name as the key", keyPath, at: place)
            return nil
        }
        let name = self.renamed[scalar.string] ?? scalar.string
        let path = keyPath.isEmpty ? name : "\(keyPath).\(name)"
        guard var node = self.convert(value, path, depth: depth, &reading) else {
            return nil
        }
        node.place = place
        return ConfigurationNode.Entry(name: name, value: node)
    }

    /// The same anchored node comes back at each of its aliases; it is one fault.
    private func refuse(
        _ message: String,
        _ keyPath: String,
        at place: ConfigurationPlace,
        _ reading: inout ConfigurationReading
    ) {
        let isKnown = reading.faults.contains { fault in
            guard fault.message == message, case .position(let line, let column) = place else {
                return false
            }
            return fault.line == line && fault.column == column
        }
        if !isKnown {
            reading.fault(message, keyPath, at: place)
        }
    }

    /// Quoted text comes tagged as a string by itself; every other tag was written in the file.
    private func isUntagged(
        _ tag: Tag,
        _ keyPath: String,
        at place: ConfigurationPlace,
        _ reading: inout ConfigurationReading
    ) -> Bool {
        guard tag.description.isEmpty || tag == Tag(.str) else {
            reading.fault("tags are not supported", keyPath, at: place)
            return false
        }
        return true
    }

    /// Gives the first of two equal keys another name of the same length, so that every mark stays true and the text
    /// can be read on.
    ///
    /// The name is of the private use area, one letter for each key, and is turned back when the nodes are made. False
    /// if the text does not contain the key as it is named.
    private mutating func setAside(_ name: String, at mark: Mark, in text: inout String) -> Bool {
        guard !name.isEmpty,
            self.renamed.count < Self.maximumRenames,
            let letter = Unicode.Scalar(0xE000 + UInt32(self.renamed.count)),
            var index = Self.index(of: mark, in: text.unicodeScalars)
        else {
            return false
        }
        if text.unicodeScalars[index] == "\"" || text.unicodeScalars[index] == "'" {
            index = text.unicodeScalars.index(after: index)
        }
        guard text.unicodeScalars[index...].starts(with: name.unicodeScalars) else {
            return false
        }
        let count = name.unicodeScalars.count
        let end = text.unicodeScalars.index(index, offsetBy: count)
        let other = String(String.UnicodeScalarView(repeatElement(letter, count: count)))
        text.unicodeScalars.replaceSubrange(index..<end, with: other.unicodeScalars)
        self.renamed[other] = name
        return true
    }

    private static func index(of mark: Mark, in scalars: String.UnicodeScalarView) -> String.Index? {
        var index = scalars.startIndex
        var line = 1
        while line < mark.line, index < scalars.endIndex {
            let scalar = scalars[index]
            index = scalars.index(after: index)
            let isReturnOfPair = scalar == "\r" && index < scalars.endIndex && scalars[index] == "\n"
            // YAML 1.1 section 4.2: these five end a line.
            if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar), !isReturnOfPair {
                line += 1
            }
        }
        let found = scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
        return found.flatMap { $0 < scalars.endIndex ? $0 : nil }
    }
}

/// A value of the configuration with the place where it was given, whichever source gave it.
struct ConfigurationNode: Sendable, Equatable {
    /// The content of a value.
    indirect enum Content: Sendable, Equatable {
        case scalar(ConfigurationScalar)
        case list([ConfigurationNode])
        case map([Entry])
    }

    /// One key of a map, in the order of the file; a key may come twice.
    struct Entry: Sendable, Equatable {
        var name: String
        var value: ConfigurationNode
    }

    /// The place of the key, where there is one; else of the value.
    var place: ConfigurationPlace
    var content: Content

    /// How a fault names this value.
    var shown: String {
        switch self.content {
        case .scalar(let scalar):
            scalar.shown
        case .list:
            "a list"
        case .map:
            "a map"
        }
    }

    /// Whether the value was left out, or said to be nothing.
    var isNull: Bool {
        switch self.content {
        case .scalar(let scalar):
            scalar.isNull
        case .list, .map:
            false
        }
    }
}
