import Testing

@testable import SluiceAdmission

@Suite struct WebOriginTests {
    @Test(arguments: [
        ("https://a.example", "https://a.example"), ("HTTPS://A.Example", "https://a.example"),
        ("https://a.example:443", "https://a.example"), ("http://a.example:80", "http://a.example"),
        ("https://a.example:0443", "https://a.example"), ("https://a.example:80", "https://a.example:80"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"), ("http://[::1]", "http://[0:0:0:0:0:0:0:1]"),
        ("http://[0:0::1]:80", "http://[0:0:0:0:0:0:0:1]"), ("https://a_b-c.example.", "https://a_b-c.example."),
        ("https://4.example", "https://4.example"), ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("tauri://localhost", "tauri://localhost"), ("Tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
        (
            "safari-web-extension://2A7F2F1C-6E0B-4A6E-9C0E-0A8F6B1C2D3E",
            "safari-web-extension://2A7F2F1C-6E0B-4A6E-9C0E-0A8F6B1C2D3E"
        ),
        ("capacitor://localhost", "capacitor://localhost"), ("app://obsidian.md", "app://obsidian.md"),
        ("ionic://localhost:8080", "ionic://localhost:8080"), ("file://", "file://"),
    ])
    func `an origin has one spelling`(text: String, expected: String) throws {
        #expect(try WebOrigin(text).description == expected)
    }

    @Test(
        arguments: [
            ("", .form), ("a.example", .form), ("https", .form), ("https:", .form), ("https:a.example", .form),
            ("https://", .form), ("https://a.example/", .form), ("https://a.example/x", .form),
            ("https://*.example", .form), ("*", .form), ("https://u@a.example", .form), ("https://a.example?x", .form),
            ("https://a.example https://b", .form), ("https://a.example\u{0}", .form), ("https://\u{212A}.x", .form),
            ("https://b\u{FC}cher.example", .form), ("://a.example", .form), ("1x://a", .form),
            ("https://a:+443", .form), ("https://::1", .form), ("https://[::1", .form), ("https://[a]", .form),
            ("tauri://", .form), ("tauri://localhost/x", .form), ("tauri:localhost", .form), ("file://host", .form),
            ("https://a.example:", .port), ("https://a.example:0", .port), ("https://a.example:65536", .port),
            ("https://a.example:99999999999999999999", .port), ("tauri://localhost:", .port),
            ("http://127.1", .address), ("http://010.0.0.1", .address), ("http://1.2.3.256", .address),
            ("http://0x7f.0.0.0x1", .address), ("http://2130706433", .address), ("http://[::1%251]", .address),
            ("http://[:::1]", .address),
            ("wss://a.example", .scheme), ("ws://a.example", .scheme), ("ftp://a.example", .scheme),
            ("javascript://a.example", .scheme), ("data:text/html,x", .scheme), ("blob:https://a.example", .scheme),
            ("null", .null),
        ] as [(String, WebOrigin.Fault)]
    )
    func `what no page can have is told why`(text: String, fault: WebOrigin.Fault) {
        #expect(throws: fault) { try WebOrigin(text) }
    }
}
