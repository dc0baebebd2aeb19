internal import NIOHPACK
internal import NIOHTTP1

/// A request's head out of the fields of HTTP/2 (RFC 9113, section 8.3), in the form that HTTP/1.1's has: the same rules
/// judge both from there on.
enum HTTP2RequestHead {
    /// What a field counts besides its name and its value (RFC 9113, section 6.5.2).
    private static let fieldOverhead = 32

    /// The fields that stand before all others.
    private struct Pseudo {
        var method = ""
        var scheme = ""
        var path = ""
        var authority: String?
        var connectProtocol: String?
    }

    /// Judges a head.
    ///
    /// - Parameters:
    ///   - fields: The fields, which form a valid list already.
    ///   - endsStream: Whether no body follows.
    ///   - limits: The limits of a head; its bytes are counted as RFC 9113 counts them.
    /// - Returns: The request, as a head of HTTP/1.1 would be accepted.
    /// - Throws: The problem to be answered.
    static func accept(
        _ fields: HPACKHeaders,
        endsStream: Bool,
        limits: HTTPLimits
    ) throws(Problem) -> RequestHeadCheck.Accepted {
        let (pseudo, headers) = try Self.split(fields, limits: limits)
        let isExtendedConnect = pseudo.method == "CONNECT" && pseudo.connectProtocol != nil
        // RFC 8441, section 5: in the place of the GET that asks for an upgrade.
        let name = isExtendedConnect ? "GET" : pseudo.method
        guard let method = RequestLineReader.method(named: name),
            !isExtendedConnect || pseudo.connectProtocol == "websocket"
        else {
            throw Problem(.notImplemented, "The gateway does not know this method.")
        }
        guard pseudo.scheme == "https" else {
            throw Problem(.badRequest, "The scheme of a request over TLS is https.")
        }
        guard pseudo.path.utf8.first == UInt8(ascii: "/") || pseudo.path == "*",
            pseudo.path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw Problem(.badRequest, "The path is visible ASCII and begins with a slash.")
        }
        let head = RequestHead(method: method, target: pseudo.path, isVersion10: false, headers: headers)
        let accepted = try RequestHeadCheck.accept(head, limits: limits)
        var request = accepted.request
        request.isVersion2 = true
        request.connectProtocol = isExtendedConnect ? pseudo.connectProtocol : nil
        request.isChunked = !endsStream && !isExtendedConnect && request.contentLength == nil
        return RequestHeadCheck.Accepted(request: request, asksForUpgrade: false)
    }

    /// How long a list of fields is (RFC 9113, section 6.5.2).
    static func byteCount(_ fields: HPACKHeaders) -> Int {
        fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + Self.fieldOverhead }
    }

    private static func split(
        _ fields: HPACKHeaders,
        limits: HTTPLimits
    ) throws(Problem) -> (Pseudo, HeaderFields) {
        var pseudo = Pseudo()
        var headers: [(String, String)] = []
        var cookies: [String] = []
        var hosts: [String] = []
        for (name, value, _) in fields {
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw Problem(.badRequest, "A field value has a control character.")
            }
            switch name {
            case ":method": pseudo.method = value
            case ":scheme": pseudo.scheme = value
            case ":path": pseudo.path = value
            case ":authority": pseudo.authority = value
            case ":protocol": pseudo.connectProtocol = value
            case "host": hosts.append(value)
            case "cookie": cookies.append(value)
            default: headers.append((name, value))
            }
        }
        guard Self.byteCount(fields) <= limits.maximumHeadBytes else {
            throw Problem(.headersTooLarge, "The request's head has more than \(limits.maximumHeadBytes) bytes.")
        }
        // A browser sends each cookie as a field of its own.
        guard headers.count + min(1, cookies.count) < limits.maximumHeaderCount else {
            throw Problem(.headersTooLarge, "The request has more than \(limits.maximumHeaderCount) header fields.")
        }
        if !cookies.isEmpty {
            // RFC 9113, section 8.2.3.
            headers.append(("cookie", cookies.joined(separator: "; ")))
        }
        return (pseudo, HeaderFields(try Self.hosts(hosts, pseudo.authority).map { ("Host", $0) } + headers))
    }

    /// RFC 9113, section 8.3.1: the authority stands in the place of Host, and does not differ from it.
    private static func hosts(_ hosts: [String], _ authority: String?) throws(Problem) -> [String] {
        guard let authority else { return hosts }
        guard hosts.allSatisfy({ $0.lowercased() == authority.lowercased() }) else {
            throw Problem(.badRequest, "The Host field is another than the request's authority.")
        }
        return [authority]
    }
}
