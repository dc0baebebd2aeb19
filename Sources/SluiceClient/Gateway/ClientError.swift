package import SluiceBase

/// Why a client could not start: something that the caller gave is of no use.
package struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    package enum Code: Sendable, Hashable {
        case invalidURL
        case invalidScanID
        case invalidToken
        case unusableCertificates
        case noCommand
        case invalidRecording
    }

    package let code: Code

    /// One sentence for a person, without secrets.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension ScanID {
    /// Checks an id that a user gave.
    ///
    /// - Throws: ``ClientError`` that describes a valid id.
    package init(checked text: String) throws(ClientError) {
        guard let id = ScanID(text) else {
            throw ClientError(
                .invalidScanID,
                "A scan's id is 1 to 128 letters, digits and . _ ~ - (and not \".\", \"..\" or \"stats\")."
            )
        }
        self = id
    }
}
