internal import SluiceAdmission
internal import SluiceBase

extension ConfigurationKind where Value == GatewayConfiguration.Auth.Key {
    /// A key that signs tokens: `{ id, algorithm, secret_file }` or `{ id, algorithm, public_key }`.
    static var tokenKey: Self {
        Self(
            hasParts: true,
            text: { "{ id: \"\($0.id)\" }" },
            read: { node, keyPath, reading in
                let names = ["id", "algorithm", "secret_file", "public_key"]
                guard let fields = node.fields(names, "a key such as { id: …, algorithm: …, … }", keyPath, &reading)
                else {
                    return nil
                }
                let id = fields.required("id", ConfigurationKind<String>.line, keyPath, &reading)
                let algorithm =
                    fields.required("algorithm", .choice, keyPath, &reading) as TokenAlgorithm?
                let material = Self.material(fields, algorithm, keyPath, &reading)
                guard let id, let algorithm, let material else {
                    return nil
                }
                return Value(id: id, algorithm: algorithm, material: material)
            }
        )
    }

    /// A secret for the algorithms that share one, a public key for the others, and never both.
    private static func material(
        _ fields: ConfigurationFields,
        _ algorithm: TokenAlgorithm?,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) -> Value.Material? {
        let secretFile = fields.optional("secret_file", ConfigurationKind<String>.path, keyPath, &reading)
        let publicKey = fields.optional("public_key", ConfigurationKind<String>.path, keyPath, &reading)
        guard let algorithm else {
            return nil
        }
        let (wanted, other) = algorithm.isSymmetric ? ("secret_file", "public_key") : ("public_key", "secret_file")
        if fields.has(other) {
            reading.fault("\(algorithm.rawValue) takes \(wanted) instead", "\(keyPath).\(other)")
        } else if !fields.has(wanted) {
            reading.fault("\(algorithm.rawValue) needs \(wanted)", keyPath)
        }
        let material: Value.Material? =
            algorithm.isSymmetric ? secretFile.map { .secretFile($0) } : publicKey.map { .publicKey($0) }
        if let material {
            reading.found(.init(keyPath: keyPath, algorithm: algorithm, material: material))
        }
        return material
    }
}

extension ConfigurationKind where Value == GatewayConfiguration.Auth.IngestKey {
    /// A scanner's key: `{ name, sha256, scans }`, all scans if `scans` is left out.
    static var ingestKey: Self {
        Self(
            hasParts: true,
            text: { "{ name: \"\($0.name)\" }" },
            read: { node, keyPath, reading in
                let names = ["name", "sha256", "scans"]
                guard let fields = node.fields(names, "a key such as { name: …, sha256: … }", keyPath, &reading) else {
                    return nil
                }
                let name = fields.required("name", ConfigurationKind<String>.line, keyPath, &reading)
                let sha256 = fields.required("sha256", ConfigurationKind<[UInt8]>.sha256, keyPath, &reading)
                let globs = ConfigurationKind<[String]>.list(.scanGlob, "a list of scan ids or globs such as [\"a-*\"]")
                let scans = fields.optional("scans", globs, keyPath, &reading)
                guard let name, let sha256 else {
                    return nil
                }
                return scans.map { Value(name: name, sha256: sha256, scans: $0) } ?? Value(name: name, sha256: sha256)
            }
        )
    }
}

extension ConfigurationKind where Value == ClaimRules.Path {
    /// The name of a claim, or the names that lead to it as a list.
    static var claimPath: Self {
        let names = ConfigurationKind<[String]>
            .list(.line, "the name of a claim, or a path such as [realm_access, roles]")
        return Self(
            hasParts: true,
            text: { $0.names.count == 1 ? "\"\($0.names[0])\"" : names.text($0.names) },
            read: { node, keyPath, reading in
                var found: [String]?
                if case .list = node.content {
                    found = names.read(node, keyPath, &reading)
                } else {
                    found = ConfigurationKind<String>.line.read(node, keyPath, &reading).map { [$0] }
                }
                guard let found else {
                    return nil
                }
                guard (1...Value.maximumCount).contains(found.count) else {
                    let message = "expected from 1 to \(Value.maximumCount) names, found \(found.count)"
                    reading.fault(message, keyPath, at: node.place)
                    return nil
                }
                guard !Value.registered.contains(found[0]) else {
                    reading.fault("\(found[0]) has its own meaning (RFC 7519)", keyPath, at: node.place)
                    return nil
                }
                return Value(found)
            }
        )
    }
}

extension ConfigurationKind where Value == [UInt8] {
    /// The 64 hexadecimal digits of a SHA-256.
    ///
    /// A fault does not show the text: it may be the key itself.
    static var sha256: Self {
        Self(
            hasParts: false,
            text: { _ in "…" },
            read: { node, keyPath, reading in
                guard case .scalar(let scalar) = node.content, !scalar.isNull else {
                    reading.fault("expected 64 hexadecimal digits, found \(node.shown)", keyPath, at: node.place)
                    return nil
                }
                guard let digest = Hexadecimal.bytes(scalar.text), digest.count == 32 else {
                    let count = scalar.text.count
                    reading.fault(
                        "expected 64 hexadecimal digits (sluice key prints them), found \(count) characters",
                        keyPath,
                        at: node.place
                    )
                    return nil
                }
                return digest
            }
        )
    }
}
