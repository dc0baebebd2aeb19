internal import SluiceBase

extension ConfigurationKind where Value == String {
    /// The prefix of an engine's subjects and streams.
    static var natsName: Self {
        .text("a name such as sl") { text in
            let isName =
                text.utf8.count <= 32
                && text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-".utf8.contains($0) }
            return isName ? nil : "expected at most 32 of small letters, digits and \"-\""
        }
    }

    /// What a gateway is called in logs, metrics and lists.
    static var nodeName: Self {
        .text("a name such as gateway-1") { text in
            let isName = text.utf8.count <= 128 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            return isName ? nil : "expected at most 128 visible ASCII characters"
        }
    }
}
