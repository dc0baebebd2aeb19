import Crypto
package import NIOHTTP1

/// A valid request to become a WebSocket connection (RFC 6455 section 4.2.1), and the answer to it.
///
/// The caller decides which clients may connect, from which origin and with which subprotocol.
package struct WebSocketHandshake: Sendable {
    /// RFC 6455 section 1.3.
    private static let keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The client's offers in `Sec-WebSocket-Protocol`, in its order.
    package let subprotocols: [String]
    /// The agreement about permessage-deflate; nil if messages go uncompressed.
    package let deflate: PermessageDeflateAgreement?

    /// nil on a stream of HTTP/2, which needs no proof that the server understood.
    private let key: String?

    /// Judges a request.
    ///
    /// - Parameters:
    ///   - method: The request's method.
    ///   - version: The request's version of HTTP.
    ///   - isExtendedConnect: Whether it is the CONNECT of a later version that stands for such a request (RFC 8441,
    ///     section 5).
    ///   - headers: The request's headers; `Host` has been judged before.
    ///   - compression: The acceptable terms of compression.
    /// - Throws: The answer to give instead.
    package init(
        method: HTTPMethod,
        version: HTTPVersion,
        isExtendedConnect: Bool = false,
        headers: HeaderFields,
        compression: PermessageDeflateConfiguration
    ) throws(WebSocketRefusal) {
        guard isExtendedConnect || method == .GET && version == .http1_1 && Self.asksForUpgrade(headers) else {
            throw .notAnUpgrade
        }
        guard headers["Sec-WebSocket-Version"] == ["13"] else { throw .unknownVersion }
        self.key = try isExtendedConnect ? nil : Self.key(headers)
        self.subprotocols = headers.elements(of: "Sec-WebSocket-Protocol")
        do {
            let offers = try ExtensionOffer.parse(headers["Sec-WebSocket-Extensions"])
            self.deflate = PermessageDeflateNegotiation(configuration: compression).agree(to: offers)
        } catch {
            throw .malformed("Sec-WebSocket-Extensions is malformed")
        }
    }

    /// The headers of the answer 101 (RFC 6455 section 4.2.2).
    ///
    /// - Parameter subprotocol: The chosen one of the offered subprotocols; nil names none.
    /// - Returns: All headers that the handshake requires; the caller may add more.
    package func answer(subprotocol: String?) -> HTTPHeaders {
        var headers: HTTPHeaders = [:]
        if let key = self.key {
            headers = [
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Accept": Self.accept(key),
            ]
        }
        if let subprotocol {
            headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
        }
        if let deflate = self.deflate {
            headers.add(name: "Sec-WebSocket-Extensions", value: deflate.answer)
        }
        return headers
    }

    private static func asksForUpgrade(_ headers: HeaderFields) -> Bool {
        headers.elements(of: "Upgrade").contains { $0.lowercased() == "websocket" }
            && headers.elements(of: "Connection").contains { $0.lowercased() == "upgrade" }
    }

    private static func key(_ headers: HeaderFields) throws(WebSocketRefusal) -> String {
        let keys = headers["Sec-WebSocket-Key"]
        guard keys.count == 1, let key = keys.first, Self.isKey(key) else {
            throw .malformed("Sec-WebSocket-Key is not 16 bytes in base64")
        }
        return key
    }

    private static func accept(_ key: String) -> String {
        var hash = Insecure.SHA1()
        let text = Array((key + Self.keySuffix).utf8)
        unsafe text.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        return Self.base64(Array(hash.finalize()))
    }

    /// 16 bytes are 22 characters and two of padding.
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 24 && bytes[22...] == [UInt8(ascii: "="), UInt8(ascii: "=")]
            && bytes[..<22].allSatisfy { self.alphabet.contains($0) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// RFC 4648 section 4.
    private static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(4 - group.count))
            for position in 0..<4 {
                text.append(position <= group.count ? self.alphabet[Int(bits >> 26)] : UInt8(ascii: "="))
                bits <<= 6
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Why a request does not become a WebSocket connection, and the answer to it.
package struct WebSocketRefusal: Error, Equatable {
    /// 400 or 426.
    package let status: HTTPResponseStatus
    /// The fault, for the body of the answer.
    package let detail: String
    /// The headers that the answer must have.
    package let headers: HTTPHeaders

    static func malformed(_ detail: String) -> Self {
        Self(status: .badRequest, detail: detail, headers: [:])
    }

    /// RFC 9110 section 15.5.22: the answer says what to upgrade to.
    static let notAnUpgrade = Self(
        status: .upgradeRequired,
        detail: "this is a WebSocket resource",
        headers: ["Upgrade": "websocket", "Connection": "Upgrade"]
    )

    /// RFC 6455 section 4.2.2: the answer says which version is spoken here.
    static let unknownVersion = Self(
        status: .upgradeRequired,
        detail: "WebSocket version 13 is spoken here",
        headers: ["Sec-WebSocket-Version": "13", "Upgrade": "websocket", "Connection": "Upgrade"]
    )
}
