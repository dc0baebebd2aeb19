internal import SluiceRelay

/// A part of a name that is looked for without regard to the case of ASCII letters.
struct NamePart: Sendable, Hashable {
    private let search: TextSearch

    /// - Parameter text: At least one byte; what goes beyond `TextSearch.maximumByteCount` is left out.
    init?(_ text: String) {
        guard let search = TextSearch(text.utf8.map({ Self.folded($0) })) else {
            return nil
        }
        self.search = search
    }

    /// Whether it stands somewhere in the name.
    func stands(in name: String) -> Bool {
        let bytes = name.utf8.map { Self.folded($0) }
        return self.search.isFound(in: bytes.span)
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
