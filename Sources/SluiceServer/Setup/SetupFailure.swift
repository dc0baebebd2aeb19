/// Why a first configuration was not made.
package struct SetupFailure: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// Something is there already.
        case exists
        /// The options do not make a configuration.
        case unusable
        /// The system does not let it be written, or read.
        case unwritable
    }

    package let code: Code
    /// In words for the operator.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
