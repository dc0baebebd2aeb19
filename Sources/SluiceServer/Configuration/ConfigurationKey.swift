/// One key of the file: its path, what it may be, and which field it fills.
struct ConfigurationKey: Sendable {
    /// The path from the root, `relay.batch_interval`.
    let path: String
    /// The value without file and environment, as one would write it.
    let defaultText: String
    /// Whether the value has parts, so that a variable has to hold YAML.
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
