internal import NIOCore
internal import SluiceBase

/// Whether and how an answer is packed (RFC 9110, sections 8.4 and 12.5.3).
///
/// There is gzip, and there is nothing.
package enum ContentCoding {
    /// Below this many bytes packing costs more than it saves.
    static let minimumBytes = 1024
    static let level = 6
    private static let packed = ["application/json", "application/problem+json", "text/"]

    /// Whether the client takes gzip.
    package static func acceptsGzip(_ headers: HeaderFields) -> Bool {
        var quality: [String: Double] = [:]
        for element in headers.elements(of: "Accept-Encoding") {
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

    /// Whether an answer is packed for a client with these fields; the answer's head then says that it depends on the
    /// client.
    ///
    /// - Parameters:
    ///   - response: The answer; an answer that already depends on the client's codings is not changed.
    ///   - byteCount: How long its body is; nil if that is not known yet.
    ///   - headers: The request's fields.
    /// - Returns: Whether it is to be packed.
    static func isPacked(_ response: inout HTTPResponse, byteCount: Int?, _ headers: HeaderFields) -> Bool {
        guard byteCount ?? .max >= Self.minimumBytes, let type = response.contentType,
            Self.packed.contains(where: { type.hasPrefix($0) }),
            !response.headers.contains(where: { $0.name == "Vary" && $0.value == "Accept-Encoding" })
        else {
            return false
        }
        response.headers.append(("Vary", "Accept-Encoding"))
        return Self.acceptsGzip(headers)
    }
}
