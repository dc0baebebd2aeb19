internal import NIOCore
internal import SluiceAdmission

/// Reads the small JSON bodies of API requests.
enum BodyReader {
    /// The body's object; no body is an empty one.
    static func object(_ body: ByteBuffer) throws(Problem) -> JSONObject {
        guard body.readableBytes > 0 else {
            return JSONObject()
        }
        do throws(JSONReader.Failure) {
            return try JSONReader.object(Array(body.readableBytesView), maximumDepth: 8, maximumMemberCount: 32)
        } catch {
            throw Problem(.invalidBody, "the body is not one JSON object")
        }
    }
}
