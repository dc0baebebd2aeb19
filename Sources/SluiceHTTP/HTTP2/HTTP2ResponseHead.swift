internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP1

/// The head of an answer as fields of HTTP/2 (RFC 9113, section 8.3.2).
enum HTTP2ResponseHead {
    /// Fields that are about an HTTP/1.1 connection (RFC 9113, section 8.2.2).
    static let connectionNames: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
    ]

    /// Fields of few values, which are worth a place in the table that both ends keep.
    ///
    /// How large that table becomes here is the client's choice, and whatever differs from answer to answer would fill it.
    private static let indexedNames: Set<String> = [
        "server", "x-content-type-options", "strict-transport-security", "cache-control", "content-type", "vary",
    ]

    /// How a field of the gateway's own is sent.
    private static func indexing(of name: String) -> HPACKIndexing {
        self.indexedNames.contains(name) ? .indexable : .nonIndexable
    }

    /// The fields of an answer.
    ///
    /// - Parameters:
    ///   - response: The answer; its body is not looked at.
    ///   - byteCount: The body's length, where it is known and said.
    ///   - common: The fields of every answer, in lower case.
    /// - Returns: The fields, none of them forbidden.
    static func fields(
        of response: HTTPResponse,
        byteCount: Int?,
        common: [(name: String, value: String)]
    ) -> HPACKHeaders {
        var fields = HPACKHeaders()
        fields.reserveCapacity(common.count + response.headers.count + 4)
        fields.add(name: ":status", value: String(response.status.code))
        for (name, value) in common {
            fields.add(name: name, value: value, indexing: Self.indexing(of: name))
        }
        if !response.isStorable {
            fields.add(name: "cache-control", value: "no-store")
        }
        if let contentType = response.contentType {
            fields.add(name: "content-type", value: contentType)
        }
        for (name, value) in response.headers {
            let name = name.lowercased()
            guard !Self.connectionNames.contains(name), ResponseEncoder.isSafe(name), ResponseEncoder.isSafe(value)
            else {
                continue
            }
            fields.add(name: name, value: value, indexing: Self.indexing(of: name))
        }
        if let byteCount {
            fields.add(name: "content-length", value: String(byteCount), indexing: .nonIndexable)
        }
        return fields
    }
}
