/// Why a client could not start: something that the caller gave is of no use.
package struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was of no use.
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
