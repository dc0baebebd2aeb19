import Testing

@testable import SluiceHTTP

@Suite struct PermessageDeflateNegotiationTests {
    static func answer(_ header: [String], windowBits: Int = 15, keepsClientContext: Bool = true) throws -> String? {
        var configuration = PermessageDeflateConfiguration()
        configuration.windowBits = windowBits
        configuration.keepsClientContext = keepsClientContext
        let negotiation = PermessageDeflateNegotiation(configuration: configuration)
        return negotiation.agree(to: try ExtensionOffer.parse(header))?.answer
    }

    @Test(
        "Offers are agreed on or declined as RFC 7692 says",
        arguments: [
            ("permessage-deflate", "permessage-deflate"),
            ("", nil),
            ("x-webkit-deflate-frame", nil),
            ("foo, permessage-deflate", "permessage-deflate"),
            (" permessage-deflate ;\tserver_no_context_takeover ", "permessage-deflate; server_no_context_takeover"),
            (
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            ),
            ("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"),
            ("permessage-deflate; server_max_window_bits=\"10\"", "permessage-deflate; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=\"1\\0\"", "permessage-deflate; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"),
            ("permessage-deflate; server_max_window_bits=8", nil),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate"),
            ("permessage-deflate; server_max_window_bits", nil),
            ("permessage-deflate; server_max_window_bits=7", nil),
            ("permessage-deflate; server_max_window_bits=16", nil),
            ("permessage-deflate; server_max_window_bits=09", nil),
            ("permessage-deflate; server_max_window_bits=+9", nil),
            ("permessage-deflate; server_max_window_bits=1e1", nil),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"),
            ("permessage-deflate; client_max_window_bits=8", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits=7", nil),
            ("permessage-deflate; client_max_window_bits=\"\"", nil),
            ("permessage-deflate; server_no_context_takeover=1", nil),
            ("permessage-deflate; client_no_context_takeover=true", nil),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", nil),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits=9", nil),
            ("permessage-deflate; mode=fast", nil),
            (
                "permessage-deflate; mode=fast, permessage-deflate; server_no_context_takeover",
                "permessage-deflate; server_no_context_takeover"
            ),
        ] as [(String, String?)]
    )
    func negotiates(offer: String, expected: String?) throws {
        guard offer.hasSuffix("\"\"") == false else {
            // An empty quoted value is no token, which is a fault of the whole header.
            #expect(throws: ExtensionOffer.Malformed.self) { try Self.answer([offer]) }
            return
        }
        #expect(try Self.answer([offer]) == expected)
    }

    @Test("Several lines of the header are one list")
    func severalLines() throws {
        let answer = try Self.answer(["permessage-deflate; server_max_window_bits=8", "permessage-deflate"])
        #expect(answer == "permessage-deflate")
    }

    @Test("Smaller windows are configured for both sides, and answered only where the client offered them")
    func smallWindows() throws {
        var configuration = PermessageDeflateConfiguration()
        configuration.windowBits = 11
        let negotiation = PermessageDeflateNegotiation(configuration: configuration)
        let plain = try #require(negotiation.agree(to: try ExtensionOffer.parse(["permessage-deflate"])))
        #expect(plain.answer == "permessage-deflate; client_no_context_takeover")
        #expect(plain.serverWindowBits == 11)
        #expect(plain.clientWindowBits == 15)
        let offer = "permessage-deflate; server_max_window_bits=13; client_max_window_bits=12"
        let agreed = try #require(negotiation.agree(to: try ExtensionOffer.parse([offer])))
        #expect(agreed.serverWindowBits == 11)
        #expect(agreed.clientWindowBits == 11)
        #expect(agreed.answer.hasSuffix("; server_max_window_bits=11; client_max_window_bits=11"))
    }

    @Test("Nothing is agreed on when it is turned off")
    func disabled() throws {
        var configuration = PermessageDeflateConfiguration()
        configuration.isEnabled = false
        let negotiation = PermessageDeflateNegotiation(configuration: configuration)
        #expect(negotiation.agree(to: try ExtensionOffer.parse(["permessage-deflate"])) == nil)
    }

    @Test(
        "A header that is not what the grammar says fails the handshake",
        arguments: [
            ";", "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate; a=", "permessage-deflate; a=\"b",
            "permessage-deflate; a=\"b c\"", "permessage deflate", "permessage-deflate; a=b c",
            "\"permessage-deflate\"",
            "permessage-deflate; a b", "permessage-deflate\u{7F}", "é",
        ]
    )
    func malformed(header: String) {
        #expect(throws: ExtensionOffer.Malformed.self) { try Self.answer([header]) }
    }
}
