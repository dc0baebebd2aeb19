/// Why a key, a key set or a use of a key is refused.
///
/// The message is for the operator and holds no key material.
package struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in words that can stand behind the name of a file or of a configuration key.
    package let message: String

    init(_ message: String) {
        self.message = message
    }

    package var description: String { self.message }
}
