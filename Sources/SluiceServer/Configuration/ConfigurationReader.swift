/// Fills a configuration from a file's root and from the environment, and collects the faults of both.
struct ConfigurationReader {
    /// Names of the client commands' own, which no key has.
    static let reservedVariables: Set<String> = ["SLUICE_TOKEN", "SLUICE_URL", "SLUICE_CA"]

    private(set) var configuration = GatewayConfiguration()
    var reading: ConfigurationReading
    private let keys: [String: ConfigurationKey]
    private let sections: Set<String>

    init(reading: ConfigurationReading) {
        self.reading = reading
        var keys: [String: ConfigurationKey] = [:]
        var sections: Set<String> = []
        for key in GatewayConfiguration.knownKeys {
            keys[key.path] = key
            var path = key.path[...]
            while let dot = path.lastIndex(of: ".") {
                path = path[..<dot]
                sections.insert(String(path))
            }
        }
        self.keys = keys
        self.sections = sections
    }

    /// Takes all that a file says.
    ///
    /// An empty section says nothing, and so does an empty file.
    mutating func read(_ root: ConfigurationNode) {
        self.read(section: "", root)
    }

    /// Takes all variables of the environment, over the file's values.
    mutating func read(environment: [String: String]) {
        let variables = Dictionary(uniqueKeysWithValues: self.keys.values.map { ($0.variable, $0) })
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("SLUICE_") {
            if let key = variables[name] {
                self.read(key, variable: name, value)
            } else if !Self.reservedVariables.contains(name) {
                let hint = Self.hint(name, value, among: variables.keys.sorted())
                self.reading.fault("unknown\(hint)", "", at: .environment(name))
            }
        }
    }

    /// Lets defaults that are relative paths start from the file's folder, as given ones do, where they are used.
    mutating func resolveDefaults() {
        if self.configuration.tls.acme.isOn {
            self.configuration.tls.acme.folder = self.reading.resolve(self.configuration.tls.acme.folder)
        }
    }

    private static func hint(_ name: String, _ value: String, among names: [String]) -> String {
        if ServiceLink.matches(name, value) {
            return ", Kubernetes sets it for a service of that name: "
                + "write enableServiceLinks: false into the pod's spec"
        }
        if names.contains(where: { $0.hasPrefix(name + "__") }) {
            return ", only keys can be set"
        }
        return Suggestion.nearest(to: name, among: names).map { ", did you mean \($0)?" } ?? ""
    }
}

extension ConfigurationReader {
    private mutating func read(section path: String, _ node: ConfigurationNode) {
        guard case .map(let entries) = node.content else {
            if !node.isNull {
                self.reading.fault("expected keys and values, found \(node.shown)", path, at: node.place)
            }
            return
        }
        var places: [String: ConfigurationPlace] = [:]
        for entry in entries {
            let entryPath = path.isEmpty ? entry.name : "\(path).\(entry.name)"
            if let first = places[entry.name] {
                self.reading.fault("given twice\(Self.line(of: first))", entryPath, at: entry.value.place)
            } else {
                self.read(entry, entryPath, in: path)
            }
            places[entry.name] = places[entry.name] ?? entry.value.place
        }
    }

    private mutating func read(_ entry: ConfigurationNode.Entry, _ path: String, in section: String) {
        if let key = self.keys[path] {
            self.reading.given(path, at: entry.value.place)
            key.read(entry.value, &self.configuration, &self.reading)
        } else if self.sections.contains(path) {
            self.reading.given(path, at: entry.value.place)
            self.read(section: path, entry.value)
        } else {
            self.reading.fault("unknown key\(self.hint(entry.name, in: section))", path, at: entry.value.place)
        }
    }

    private mutating func read(_ key: ConfigurationKey, variable: String, _ value: String) {
        let place = ConfigurationPlace.environment(variable)
        var node: ConfigurationNode?
        if key.hasParts {
            var document = ConfigurationDocument(variable: variable, keyPath: key.path)
            let faultCount = self.reading.faults.count
            node = document.read(value, into: &self.reading)
            guard node != nil || self.reading.faults.count == faultCount else {
                return
            }
        } else {
            node = ConfigurationNode(place: place, content: .scalar(ConfigurationScalar(text: value, style: .raw)))
        }
        let nothing = ConfigurationNode(place: place, content: .scalar(ConfigurationScalar(text: "", style: .raw)))
        self.reading.given(key.path, at: place)
        key.read(node ?? nothing, &self.configuration, &self.reading)
    }

    /// The neighbour that was probably meant, or the same name where it belongs.
    private func hint(_ name: String, in section: String) -> String {
        let prefix = section.isEmpty ? "" : section + "."
        let paths = GatewayConfiguration.knownKeys.map(\.path)
        let siblings = paths.filter { $0.hasPrefix(prefix) }
            .map { path in
                String(path.dropFirst(prefix.count).prefix { $0 != "." })
            }
        let elsewhere = paths.filter { $0.hasSuffix("." + name) }
        let nearest = Suggestion.nearest(to: name, among: siblings) ?? (elsewhere.count == 1 ? elsewhere[0] : nil)
        return nearest.map { ", did you mean \($0)?" } ?? ""
    }

    private static func line(of place: ConfigurationPlace) -> String {
        switch place {
        case .position(let line, _):
            ", first in line \(line)"
        case .file, .environment:
            ""
        }
    }
}
