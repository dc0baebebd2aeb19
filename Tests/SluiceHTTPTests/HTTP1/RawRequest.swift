import Testing

/// One request as raw bytes, and the expected result.
struct RawRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: String
    let status: Int
    var code = "bad_request"

    var testDescription: String { self.name }
}
