/// Which scans a token or an ingest key speaks of: a scan id, or a glob.
///
/// `*` stands for any run of characters, also none; `?` for exactly one. Every other character stands for itself.
package struct ScanPattern: Sendable, Hashable, CustomStringConvertible {
    private static let anyRun = UInt8(ascii: "*")
    private static let anyOne = UInt8(ascii: "?")

    private let pattern: [UInt8]

    /// A pattern from its text.
    ///
    /// Every text is one; a text that is no scan id and has no wildcard matches nothing.
    package init(_ text: String) {
        // `**` says no more than `*`, and would cost steps.
        var pattern: [UInt8] = []
        for byte in text.utf8 where byte != Self.anyRun || pattern.last != Self.anyRun {
            pattern.append(byte)
        }
        self.pattern = pattern
    }

    package var description: String { String(decoding: self.pattern, as: UTF8.self) }

    /// Whether the pattern matches a scan's id.
    ///
    /// Only the last `*` passed is ever tried again, so that the steps are at most the product of the two lengths:
    /// an earlier one could take no more than the later one can.
    ///
    /// - Parameter scan: A scan's id; its characters are ASCII.
    /// - Returns: Whether the whole id matches the whole pattern.
    package func matches(_ scan: String) -> Bool {
        var scan = scan
        return scan.withUTF8 { unsafe self.matches($0.span) }
    }

    private func matches(_ name: borrowing Span<UInt8>) -> Bool {
        var nameIndex = 0
        var patternIndex = 0
        var retry: (patternIndex: Int, nameIndex: Int)?
        while nameIndex < name.count {
            let token = patternIndex < self.pattern.count ? self.pattern[patternIndex] : nil
            if token == Self.anyRun {
                patternIndex += 1
                retry = (patternIndex, nameIndex)
            } else if let token, token == Self.anyOne || token == name[nameIndex] {
                patternIndex += 1
                nameIndex += 1
            } else if let (start, taken) = retry {
                patternIndex = start
                nameIndex = taken + 1
                retry = (start, nameIndex)
            } else {
                return false
            }
        }
        return self.pattern[patternIndex...].allSatisfy { $0 == Self.anyRun }
    }
}
