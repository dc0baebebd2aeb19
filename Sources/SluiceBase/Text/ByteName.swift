/// A name that is its bytes: a user's, a token's, a key's.
///
/// Swift's own comparison of strings takes different Unicode spellings for one, and an issuer may have given them to
/// different users.
package struct ByteName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package init(stringLiteral text: String) {
        self.text = text
    }

    package var description: String { self.text }

    package static func == (one: Self, other: Self) -> Bool {
        var (one, other) = (one.text, other.text)
        return one.withUTF8 { one in
            // Both strings' own UTF-8, alive for the closures.
            other.withUTF8 { other in
                guard one.count == other.count else { return false }
                for index in one.indices where unsafe one[index] != other[index] {
                    return false
                }
                return true
            }
        }
    }

    package func hash(into hasher: inout Hasher) {
        var text = self.text
        text.withUTF8 { bytes in
            // The string's own UTF-8, alive for the closure.
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        hasher.combine(text.utf8.count)
    }
}
