import Testing

/// One request as raw bytes, and what has to come of it.
struct RawRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: String
    let status: Int
    var code = "bad_request"

    var testDescription: String { self.name }
}
