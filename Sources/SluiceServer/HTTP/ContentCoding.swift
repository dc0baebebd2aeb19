internal import NIOCore
internal import NIOHTTP1
internal import SluiceRelay

/// Whether and how an answer is packed (RFC 9110, sections 8.4 and 12.5.3).
///
/// There is gzip, and there is nothing.
enum ContentCoding {
    /// Under so many bytes packing costs more than it saves.
    static let minimumBytes = 1024
    private static let level = 6
    private static let packed = ["application/json", "application/problem+json", "text/"]

    /// Whether the client takes gzip.
    static func acceptsGzip(_ headers: HTTPHeaders) -> Bool {
        var quality: [Substring: Double] = [:]
        for element in headers[canonicalForm: "Accept-Encoding"] {
            let parts = element.split(separator: ";", maxSplits: 1)
            guard let coding = parts.first?.drop(while: { $0 == " " }).prefix(while: { $0 != " " }) else {
                continue
            }
            let weight = parts.count == 2 ? parts[1].drop { $0 == " " } : "q=1"
            quality[coding.lowercased()[...]] = weight.hasPrefix("q=") ? Double(weight.dropFirst(2)) ?? 0 : 1
        }
        return (quality["gzip"] ?? quality["x-gzip"] ?? quality["*"] ?? 0) > 0
    }

    /// The answer as it goes out to a client with these fields.
    static func applied(to response: HTTPResponse, _ headers: HTTPHeaders) -> HTTPResponse {
        guard let body = response.body, body.readableBytes >= Self.minimumBytes, let type = response.contentType,
            Self.packed.contains(where: { type.hasPrefix($0) })
        else {
            return response
        }
        var response = response
        response.headers.append(("Vary", "Accept-Encoding"))
        if Self.acceptsGzip(headers) {
            response.headers.append(("Content-Encoding", "gzip"))
            response.body = gzip(body, level: Self.level)
        }
        return response
    }
}
