internal import SluiceBase

extension ConfigurationKind where Value == String {
    /// A line of text that is not empty.
    static var line: Self {
        .text("text") { _ in nil }
    }

    /// The address or the name of a host.
    static var host: Self {
        .text("a host such as 127.0.0.1 or ::1") { text in
            let isHost = text.utf8.allSatisfy { byte in
                Self.isAlphanumeric(byte) || ".:_-%".utf8.contains(byte)
            }
            return isHost ? nil : "expected an address or a name, without brackets, port or path"
        }
    }

    /// The name of a cookie: a token of RFC 9110 section 5.6.2.
    static var cookieName: Self {
        .text("the name of a cookie") { text in
            let isToken = text.utf8.allSatisfy { byte in
                Self.isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
            return isToken ? nil : "expected a name of letters, digits and !#$%&'*+-.^_`|~"
        }
    }

    /// The name of a field that an application may judge: none that says how a request is carried, or what the gateway
    /// tells it.
    static var forwardedField: Self {
        let own = [
            "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "accept",
        ]
        return .text("the name of a field such as Cookie") { text in
            let name = text.lowercased()
            guard !own.contains(name), !name.hasPrefix("x-forwarded-"), !name.hasPrefix("x-sluice-") else {
                return "expected a field that says who somebody is"
            }
            let isToken = text.utf8.allSatisfy { Self.isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
            return isToken ? nil : "expected a name of letters, digits and !#$%&'*+-.^_`|~"
        }
    }

    /// A message's type, or the name of one of its fields.
    static var messageName: Self {
        .text("text") { text in
            text.unicodeScalars.count <= 128 ? nil : "expected at most 128 characters"
        }
    }

    /// A scan id, or a glob that can match one.
    static var scanGlob: Self {
        .text("a scan id or a glob such as team-7-*") { text in
            // The texts that replace `*` and `?`, so that the shortest matching id is judged, and one a little longer.
            let examples = ["", "a"]
                .map { text.replacing("*", with: $0).replacing("?", with: "a") }
            guard examples.contains(where: { ScanID($0) != nil }) else {
                return "expected at most 128 of letters, digits, \".\", \"_\", \"~\", \"-\", \"*\" and \"?\", "
                    + "and not \".\", \"..\" or \"stats\""
            }
            return nil
        }
    }

    /// A path, made absolute.
    static var path: Self {
        let kind = Self.line
        return Self(hasParts: false, text: kind.text) { node, keyPath, reading in
            kind.read(node, keyPath, &reading).map { reading.resolve($0) }
        }
    }

    /// Text on one line that is not empty, and of which `check` has nothing to say.
    static func text(_ expected: String, check: @escaping @Sendable (String) -> String?) -> Self {
        .scalar(
            expected,
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                guard scalar.isText else {
                    throw ConfigurationProblem("expected \(expected) (in quotes, if it is meant as text)")
                }
                guard !scalar.text.isEmpty, !scalar.text.unicodeScalars.contains(where: \.isHarmful) else {
                    throw ConfigurationProblem("expected \(expected), on one line and not empty")
                }
                if let problem = check(scalar.text) {
                    throw ConfigurationProblem(problem)
                }
                return scalar.text
            }
        )
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            false
        }
    }
}

extension ConfigurationKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a few words.
    static var choice: Self {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return .scalar(
            "one of \(words)",
            text: { $0.rawValue },
            parse: { scalar throws(ConfigurationProblem) in
                // Whether 1.2 is meant as a number or as text makes no difference here.
                guard let value = Value(rawValue: scalar.text) else {
                    throw ConfigurationProblem("expected one of \(words)")
                }
                return value
            }
        )
    }
}

extension ConfigurationKind where Value == Set<String> {
    /// Types of messages, in any order.
    static var messageTypes: Self {
        let kind = ConfigurationKind<[String]>.list(.messageName, "a list of types such as [scanStarted, error]")
        return Self(
            hasParts: true,
            text: { kind.text($0.sorted()) },
            read: { node, keyPath, reading in kind.read(node, keyPath, &reading).map { Set($0) } }
        )
    }
}

extension ConfigurationKind where Value == [String: [String]] {
    /// Types of messages, each with the fields that make its key.
    static var conflation: Self {
        let expected = "a map of types and their fields such as { scanProgress: [phase] }"
        let fields = ConfigurationKind<[String]>.list(.messageName, "a list of fields such as [phase]")
        return Self(
            hasParts: true,
            text: { types in
                let pairs = types.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \(fields.text($0.value))" }
                return "{" + pairs.joined(separator: ", ") + "}"
            },
            read: { node, keyPath, reading in
                guard case .map(let entries) = node.content else {
                    reading.fault("expected \(expected), found \(node.shown)", keyPath, at: node.place)
                    return nil
                }
                var types: [String: [String]] = [:]
                for entry in entries {
                    let path = "\(keyPath)[\(entry.name)]"
                    reading.given(path, at: entry.value.place)
                    if types[entry.name] != nil {
                        reading.fault("given twice", path, at: entry.value.place)
                    }
                    types[entry.name] = fields.read(entry.value, path, &reading)
                }
                return types.count == entries.count ? types : nil
            }
        )
    }
}
