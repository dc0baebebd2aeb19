import SluiceBase
import Testing

@Suite("Names of scans")
struct ScanIDTests {
    @Test(
        "unreserved characters make a name",
        arguments: [
            "a", "abc-123", "A.b_c~d-9", "...", ".a", "Stats", "stats2", "~", String(repeating: "x", count: 128),
        ]
    )
    func accepted(_ text: String) {
        #expect(ScanID(text)?.text == text)
        #expect(ScanID(Substring(text))?.description == text)
    }

    @Test(
        "anything else does not",
        arguments: [
            "", ".", "..", "stats", "a b", "a/b", "a%20", "a\u{0}", "a\n", "é", "\u{212A}", "a:b", "a*", "a+b", "😀",
            "a\\",
            String(repeating: "x", count: 129),
        ]
    )
    func refused(_ text: String) {
        #expect(ScanID(text) == nil)
    }
}
