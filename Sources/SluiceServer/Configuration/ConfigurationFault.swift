package import Logging

/// One thing that is wrong with a configuration, and where.
package struct ConfigurationFault: Sendable, Equatable, CustomStringConvertible {
    /// The file as the operator named it.
    package var file: String
    /// The line, from 1; nil if the fault is the whole file's, or a variable's.
    package var line: Int?
    /// The column, from 1; nil if the fault is the whole file's, or a variable's.
    package var column: Int?
    /// The environment variable that gave the value; nil if the file did.
    package var variable: String?
    /// The full path of the key, `relay.batch_interval` or `auth.keys[0].id`; empty if no key is meant.
    package var keyPath: String
    /// The fault, and the expected value.
    package var message: String

    init(file: String, place: ConfigurationPlace, keyPath: String, message: String) {
        self.file = file
        self.keyPath = keyPath
        self.message = message
        switch place {
        case .file:
            break
        case .position(let line, let column):
            self.line = line
            self.column = column
        case .environment(let name):
            self.variable = name
        }
    }

    /// `config.yaml:14:3: relay.batch_intervall: unknown key`, or `environment: SLUICE_RELAY__FRAMING: …`.
    package var description: String {
        var parts: [String] = []
        if let variable = self.variable {
            parts = ["environment", variable]
        } else if let line = self.line, let column = self.column {
            parts = ["\(self.file):\(line):\(column)"]
        } else {
            parts = [self.file]
        }
        if !self.keyPath.isEmpty {
            parts.append(self.keyPath)
        }
        parts.append(self.message)
        let line = parts.joined(separator: ": ")
        // Names are the file's and the environment's own, and may hold anything.
        return line.unicodeScalars.map { $0.isHarmful ? $0.escaped : String($0) }.joined()
    }
}

extension ConfigurationFault {
    /// Orders faults as a reader meets them: the whole file's, then by position, then by variable.
    static func precedes(_ one: ConfigurationFault, _ other: ConfigurationFault) -> Bool {
        switch (one.variable, other.variable) {
        case (.none, .some):
            true
        case (.some, .none):
            false
        case (.some(let one), .some(let other)):
            one < other
        case (.none, .none):
            (one.line ?? 0, one.column ?? 0, one.keyPath) < (other.line ?? 0, other.column ?? 0, other.keyPath)
        }
    }
}

/// Everything that keeps a configuration from being used, in one go.
package struct ConfigurationFaults: Error, Equatable, CustomStringConvertible {
    /// The faults, at least one: the whole file's, then by position, then by variable.
    package let faults: [ConfigurationFault]

    /// One fault a line.
    package var description: String {
        self.faults.map(\.description).joined(separator: "\n")
    }
}

/// Where a value was given.
enum ConfigurationPlace: Sendable, Equatable {
    /// The file as a whole: something is missing from it, or it cannot be read.
    case file
    /// A line and a column of the file, both from 1; columns count Unicode scalars.
    case position(line: Int, column: Int)
    /// An environment variable.
    case environment(String)
}

/// Why one text is not the value that its key wants.
struct ConfigurationProblem: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}

extension ConfigurationFault {
    /// Where the fault is, for a log that is read by programs.
    package var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let variable = self.variable {
            metadata["variable"] = "\(variable)"
        } else {
            metadata["file"] = "\(self.file)"
        }
        metadata["line"] = self.line.map { .stringConvertible($0) }
        metadata["column"] = self.column.map { .stringConvertible($0) }
        metadata["key"] = self.keyPath.isEmpty ? nil : "\(self.keyPath)"
        return metadata
    }
}

/// Finds the name that was probably meant.
enum Suggestion {
    /// The nearest of the names, if it is near enough to be worth telling.
    static func nearest(to name: String, among names: some Sequence<String>) -> String? {
        // Names are short; a longer text is not worth the square of its length.
        guard name.utf8.count <= 128 else {
            return nil
        }
        let limit = max(1, min(4, name.utf8.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in names {
            let distance = Self.distance(Array(name.lowercased().utf8), Array(candidate.lowercased().utf8))
            if distance <= limit, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// How many letters must be added, dropped, changed or swapped with their neighbour.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var previous = Array(0...other.count)
        for (row, letter) in one.enumerated() {
            var current = [row + 1]
            for (column, otherLetter) in other.enumerated() {
                let change = previous[column] + (letter == otherLetter ? 0 : 1)
                var least = min(previous[column + 1] + 1, current[column] + 1, change)
                if row > 0, column > 0, letter == other[column - 1], one[row - 1] == otherLetter {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            before = previous
            previous = current
        }
        return previous[other.count]
    }
}
