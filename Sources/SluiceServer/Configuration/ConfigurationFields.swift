/// The fields of one map in a list, such as a key of `auth.keys`.
struct ConfigurationFields {
    private let values: [String: ConfigurationNode]

    fileprivate init(_ values: [String: ConfigurationNode]) {
        self.values = values
    }

    func has(_ name: String) -> Bool {
        self.values[name] != nil
    }

    /// A field that may be left out.
    func optional<Value>(
        _ name: String,
        _ kind: ConfigurationKind<Value>,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) -> Value? {
        self.values[name].flatMap { kind.read($0, "\(keyPath).\(name)", &reading) }
    }

    /// A required field.
    func required<Value>(
        _ name: String,
        _ kind: ConfigurationKind<Value>,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) -> Value? {
        guard self.has(name) else {
            reading.fault("needs \(name)", keyPath)
            return nil
        }
        return self.optional(name, kind, keyPath, &reading)
    }
}

extension ConfigurationNode {
    /// The fields of a map; nil if this is none.
    ///
    /// Unknown names, and names given twice, are faults.
    func fields(
        _ names: [String],
        _ expected: String,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) -> ConfigurationFields? {
        guard case .map(let entries) = self.content else {
            reading.fault("expected \(expected), found \(self.shown)", keyPath, at: self.place)
            return nil
        }
        var values: [String: ConfigurationNode] = [:]
        for entry in entries {
            let path = "\(keyPath).\(entry.name)"
            guard names.contains(entry.name) else {
                let nearest = Suggestion.nearest(to: entry.name, among: names)
                let hint =
                    nearest.map { ", did you mean \($0)?" } ?? ", expected one of \(names.joined(separator: ", "))"
                reading.fault("unknown key\(hint)", path, at: entry.value.place)
                continue
            }
            if values[entry.name] != nil {
                reading.fault("given twice", path, at: entry.value.place)
            }
            reading.given(path, at: entry.value.place)
            values[entry.name] = entry.value
        }
        return ConfigurationFields(values)
    }
}
