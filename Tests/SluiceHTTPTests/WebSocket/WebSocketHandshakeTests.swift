import NIOHTTP1
import Testing

@testable import SluiceHTTP

@Suite struct WebSocketHandshakeTests {
    static let headers: HTTPHeaders = [
        "Host": "example.com",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    ]

    static func handshake(
        _ headers: HTTPHeaders,
        method: HTTPMethod = .GET,
        version: HTTPVersion = .http1_1
    ) throws(WebSocketRefusal) -> WebSocketHandshake {
        try WebSocketHandshake(
            method: method,
            version: version,
            headers: HeaderFields(headers.map { ($0.name, $0.value) }),
            compression: PermessageDeflateConfiguration()
        )
    }

    @Test("The example of RFC 6455 gets the answer of RFC 6455")
    func example() throws {
        var headers = Self.headers
        headers.add(name: "Sec-WebSocket-Protocol", value: "chat, superchat")
        headers.add(name: "sec-websocket-protocol", value: "third")
        let handshake = try Self.handshake(headers)
        #expect(handshake.subprotocols == ["chat", "superchat", "third"])
        #expect(handshake.deflate == nil)
        #expect(
            handshake.answer(subprotocol: "chat") == [
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                "Sec-WebSocket-Protocol": "chat",
            ]
        )
    }

    @Test("The extension that was agreed on stands in the answer")
    func extensions() throws {
        var headers = Self.headers
        headers.add(name: "Sec-WebSocket-Extensions", value: "permessage-deflate; client_max_window_bits")
        let answer = try Self.handshake(headers).answer(subprotocol: nil)
        #expect(answer["Sec-WebSocket-Extensions"] == ["permessage-deflate; client_no_context_takeover"])
        #expect(!answer.contains(name: "Sec-WebSocket-Protocol"))
    }

    @Test(
        "Tokens are found in lists and in any case",
        arguments: [
            ("Connection", "keep-alive, Upgrade"), ("Connection", "UPGRADE"), ("Upgrade", "WebSocket"),
            ("Upgrade", "h2c, websocket"),
        ]
    )
    func tokens(name: String, value: String) throws {
        var headers = Self.headers
        headers.replaceOrAdd(name: name, value: value)
        _ = try Self.handshake(headers)
    }

    @Test(
        "What is no valid request is refused with the status for it",
        arguments: [
            ("Upgrade", nil, 426), ("Upgrade", "h2c", 426), ("Connection", nil, 426), ("Connection", "keep-alive", 426),
            ("Connection", "not-upgrade", 426), ("Sec-WebSocket-Version", nil, 426),
            ("Sec-WebSocket-Version", "8", 426),
            ("Sec-WebSocket-Version", "13, 8", 426), ("Sec-WebSocket-Key", nil, 400), ("Sec-WebSocket-Key", "", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ===", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZWE=", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ!==", 400),
            ("Sec-WebSocket-Extensions", "permessage-deflate; a=\"", 400),
        ] as [(String, String?, Int)]
    )
    func refusals(name: String, value: String?, status: Int) {
        var headers = Self.headers
        headers.remove(name: name)
        if let value {
            headers.add(name: name, value: value)
        }
        let refusal = #expect(throws: WebSocketRefusal.self) { try Self.handshake(headers) }
        #expect(refusal?.status.code == UInt(status))
        if name == "Sec-WebSocket-Version" {
            #expect(refusal?.headers["Sec-WebSocket-Version"] == ["13"])
        }
    }

    @Test("Other methods, older versions and two keys are refused")
    func otherRefusals() {
        var twice = Self.headers
        twice.add(name: "Sec-WebSocket-Key", value: "AAAAAAAAAAAAAAAAAAAAAA==")
        #expect(throws: WebSocketRefusal.self) { try Self.handshake(twice) }
        #expect(throws: WebSocketRefusal.self) { try Self.handshake(Self.headers, method: .POST) }
        #expect(throws: WebSocketRefusal.self) { try Self.handshake(Self.headers, version: .http1_0) }
    }
}
