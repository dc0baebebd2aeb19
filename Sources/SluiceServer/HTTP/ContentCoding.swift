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
        var quality: [String: Double] = [:]
        for element in headers[canonicalForm: "Accept-Encoding"] {
            let parts = element.split(separator: ";", maxSplits: 1).map { $0.trimming(in: " \t").lowercased() }
            guard let coding = parts.first else {
                continue
            }
            // RFC 9110, section 12.4.2: the case of q does not count.
            let weight = parts.count == 2 ? parts[1] : "q=1"
            quality[coding] = weight.hasPrefix("q=") ? Double(weight.dropFirst(2)) ?? 0 : 1
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
