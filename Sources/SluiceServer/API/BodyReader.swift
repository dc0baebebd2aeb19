internal import NIOCore
internal import SluiceBase
internal import SluiceHTTP

/// Reads the small JSON bodies of API requests.
enum BodyReader {
    private static let rules = JSONReader.Rules.strict(maximumDepth: 8, maximumMemberCount: 32)

    /// The body's object; no body is an empty one.
    static func object(_ body: ByteBuffer) throws(Problem) -> JSONNode {
        guard body.readableBytes > 0 else {
            return JSONNode(range: 0..<0, value: .object([]))
        }
        do throws(JSONFault) {
            return try JSONReader.object(Array(body.readableBytesView), Self.rules)
        } catch {
            throw Problem(.invalidBody, "the body is not one JSON object")
        }
    }
}
