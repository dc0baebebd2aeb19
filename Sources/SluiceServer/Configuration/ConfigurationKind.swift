/// The kind of a key's value: how it is read from a node, and how it is written.
struct ConfigurationKind<Value: Sendable>: Sendable {
    /// Reads a value; nil if it is not one, which is then a fault.
    let read: @Sendable (ConfigurationNode, String, inout ConfigurationReading) -> Value?
    /// The value as one would write it.
    let text: @Sendable (Value) -> String
    /// Whether the value has parts, so that a variable must hold YAML.
    let hasParts: Bool

    init(
        hasParts: Bool,
        text: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (ConfigurationNode, String, inout ConfigurationReading) -> Value?
    ) {
        self.hasParts = hasParts
        self.text = text
        self.read = read
    }

    /// A value without parts.
    ///
    /// - Parameters:
    ///   - expected: The expected value in the words of a fault, where something with parts, or nothing, was found.
    ///   - text: The value as written in a file.
    ///   - parse: The value of a scalar that is not null, or its fault. The text found is added.
    /// - Returns: The kind.
    static func scalar(
        _ expected: String,
        text: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (ConfigurationScalar) throws(ConfigurationProblem) -> Value
    ) -> Self {
        Self(hasParts: false, text: text) { node, keyPath, reading in
            guard case .scalar(let scalar) = node.content, !scalar.isNull else {
                reading.fault("expected \(expected), found \(node.shown)", keyPath, at: node.place)
                return nil
            }
            do throws(ConfigurationProblem) {
                return try parse(scalar)
            } catch {
                reading.fault("\(error.message), found \(scalar.shown)", keyPath, at: node.place)
                return nil
            }
        }
    }

    /// The same, or nothing.
    static func optional<Wrapped>(_ kind: ConfigurationKind<Wrapped>) -> Self where Value == Wrapped? {
        Self(
            hasParts: kind.hasParts,
            text: { $0.map(kind.text) ?? "null" },
            read: { node, keyPath, reading in
                node.isNull ? .some(nil) : kind.read(node, keyPath, &reading).map { .some($0) }
            }
        )
    }

    /// A list of the same, each with its own faults.
    static func list<Item>(_ kind: ConfigurationKind<Item>, _ expected: String) -> Self where Value == [Item] {
        Self(
            hasParts: true,
            text: { "[" + $0.map(kind.text).joined(separator: ", ") + "]" },
            read: { node, keyPath, reading in
                guard case .list(let nodes) = node.content else {
                    reading.fault("expected \(expected), found \(node.shown)", keyPath, at: node.place)
                    return nil
                }
                var items: [Item] = []
                for (index, node) in nodes.enumerated() {
                    let path = "\(keyPath)[\(index)]"
                    reading.given(path, at: node.place)
                    if let item = kind.read(node, path, &reading) {
                        items.append(item)
                    }
                }
                return items.count == nodes.count ? items : nil
            }
        )
    }
}

/// One key of the file: its path, its allowed values, and the field that it fills.
struct ConfigurationKey: Sendable {
    /// The path from the root, `relay.batch_interval`.
    let path: String
    /// The value without file and environment, as one would write it.
    let defaultText: String
    /// Whether the value has parts, so that a variable must hold YAML.
    let hasParts: Bool
    /// Reads the value into its field, or adds faults and leaves the field alone.
    let read: @Sendable (ConfigurationNode, inout GatewayConfiguration, inout ConfigurationReading) -> Void

    init<Value>(
        _ path: String,
        _ field: any WritableKeyPath<GatewayConfiguration, Value> & Sendable,
        _ kind: ConfigurationKind<Value>
    ) {
        self.path = path
        self.defaultText = kind.text(GatewayConfiguration()[keyPath: field])
        self.hasParts = kind.hasParts
        self.read = { node, configuration, reading in
            if let value = kind.read(node, path, &reading) {
                configuration[keyPath: field] = value
            }
        }
    }

    /// The environment variable that overrides the key.
    var variable: String {
        "SLUICE_" + self.path.uppercased().split(separator: ".").joined(separator: "__")
    }
}
