extension ConfigurationKind where Value == GatewayConfiguration.Limits.Memory {
    /// A size, `auto`, or nothing.
    static var memory: Self {
        let size = ConfigurationKind<Int>.size(atLeast: 1)
        return Self(
            hasParts: false,
            text: { memory in
                switch memory {
                case .automatic: "auto"
                case .bytes(let bytes): size.text(bytes)
                case .unlimited: "null"
                }
            },
            read: { node, keyPath, reading in
                guard case .scalar(let scalar) = node.content, !scalar.isNull else {
                    return node.isNull ? .unlimited : size.read(node, keyPath, &reading).map { .bytes($0) }
                }
                if scalar.text == "auto" {
                    return .automatic
                }
                guard scalar.text.first?.isLetter != true else {
                    let message = "expected auto, a size such as 4GiB, or null, found \(scalar.shown)"
                    reading.fault(message, keyPath, at: node.place)
                    return nil
                }
                return size.read(node, keyPath, &reading).map { .bytes($0) }
            }
        )
    }
}
