internal import SluiceAdmission

/// One reading of a configuration: the faults found so far, and the place where each key was given.
struct ConfigurationReading {
    /// More faults than this are not listed: the file may not be a configuration at all.
    private static let maximumFaultCount = 1000

    /// The key material for tokens, as one entry of a list gave it; the entry's other fields may be faulty.
    struct TokenKey {
        /// The path of the entry, `auth.keys[0]`.
        let keyPath: String
        let algorithm: TokenAlgorithm
        let material: GatewayConfiguration.Auth.Key.Material
    }

    /// The file as the operator named it.
    let file: String
    /// The folder that relative paths start from; absolute, without a slash at its end.
    let folder: String
    private(set) var faults: [ConfigurationFault] = []
    private(set) var warnings: [ConfigurationFault] = []
    /// Kept besides the configuration, which has none of a list's entries if one of them is faulty.
    private(set) var tokenKeys: [TokenKey] = []
    private var places: [String: ConfigurationPlace] = [:]
    private var faultyPaths: Set<String> = []

    init(file: String, folder: String) {
        self.file = file
        self.folder = folder
    }

    mutating func fault(_ message: String, _ keyPath: String, at place: ConfigurationPlace) {
        guard self.faults.count < Self.maximumFaultCount else {
            return
        }
        self.faults.append(self.note(message, keyPath, at: place))
        self.faultyPaths.insert(keyPath)
    }

    /// Adds a warning about a key, at its own place or, if it is a default, at that of the key that made it unwise.
    mutating func warn(_ message: String, _ keyPath: String, becauseOf otherPath: String? = nil) {
        let givenPath = self.isGiven(keyPath) ? keyPath : otherPath ?? keyPath
        self.warnings.append(self.note(message, keyPath, at: self.place(of: givenPath)))
    }

    /// A fault of a key, at the place where it was given, or the nearest part of its path that was.
    mutating func fault(_ message: String, _ keyPath: String) {
        self.fault(message, keyPath, at: self.place(of: keyPath))
    }

    /// Remembers where a key was given.
    ///
    /// A later source takes the place of an earlier one, parts included.
    mutating func given(_ keyPath: String, at place: ConfigurationPlace) {
        self.places = self.places.filter { !$0.key.hasPrefix(keyPath + "[") }
        self.tokenKeys = self.tokenKeys.filter { !$0.keyPath.hasPrefix(keyPath + "[") }
        self.places[keyPath] = place
    }

    /// Remembers a key whose file must be checked.
    mutating func found(_ key: TokenKey) {
        self.tokenKeys.append(key)
    }

    func isGiven(_ keyPath: String) -> Bool {
        self.places[keyPath] != nil
    }

    /// Whether the key, a part of it, or its section has a fault.
    func hasFault(of keyPath: String) -> Bool {
        self.faultyPaths.contains { path in
            path == keyPath || path.hasPrefix(keyPath + "[") || path.hasPrefix(keyPath + ".")
                || keyPath.hasPrefix(path + ".")
        }
    }

    /// The absolute form of a path that may be relative to the file's folder.
    func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : self.folder + "/" + path
    }

    private func place(of keyPath: String) -> ConfigurationPlace {
        var path = keyPath[...]
        while !path.isEmpty {
            if let place = self.places[String(path)] {
                return place
            }
            path = path[..<(path.lastIndex { $0 == "." || $0 == "[" } ?? path.startIndex)]
        }
        return .file
    }

    /// A variable names its key already, so only the part within its value is added.
    private func note(_ message: String, _ keyPath: String, at place: ConfigurationPlace) -> ConfigurationFault {
        var shownPath = keyPath
        if case .environment = place {
            shownPath = keyPath.firstIndex(of: "[").map { String(keyPath[$0...]) } ?? ""
        }
        return ConfigurationFault(file: self.file, place: place, keyPath: shownPath, message: message)
    }
}

/// The variables by which Kubernetes tells every pod of each service of its namespace: for a service named `sluice`,
/// `SLUICE_SERVICE_HOST` and `SLUICE_PORT_8443_TCP`, which are no keys of ours.
enum ServiceLink {
    private static let protocols = ["tcp", "udp", "sctp"]

    /// Whether a variable has such a name, and such a value where the name alone could be anything.
    static func matches(_ name: String, _ value: String) -> Bool {
        if name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_SERVICE_PORT") {
            return true
        }
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() where part == "PORT" {
            let rest = parts[(index + 1)...]
            if rest.isEmpty, Self.protocols.contains(where: { value.hasPrefix($0 + "://") }) {
                return true
            }
            if rest.count >= 2, Int(rest[index + 1]) != nil, Self.protocols.contains(rest[index + 2].lowercased()) {
                return true
            }
            // Ports that have names: SLUICE_SERVICE_PORT_HTTPS.
            if !rest.isEmpty, index > 0, parts[index - 1] == "SERVICE" {
                return true
            }
        }
        return false
    }
}
