import Testing

@testable import SluiceServer

@Suite("What was probably meant")
struct SuggestionTests {
    @Test(
        "A slip of a few letters finds its name",
        arguments: [
            ("port", "port"), ("prot", "port"), ("pot", "port"), ("batch_intervall", "batch_interval"),
            ("batchinterval", "batch_interval"), ("BATCH_INTERVAL", "batch_interval"), ("hots", "host"),
        ]
    )
    func near(name: String, expected: String) {
        #expect(Suggestion.nearest(to: name, among: ["host", "port", "batch_interval"]) == expected)
    }

    @Test("Another word finds nothing", arguments: ["", "colour", "interval", String(repeating: "port", count: 100)])
    func far(name: String) {
        #expect(Suggestion.nearest(to: name, among: ["host", "port", "batch_interval"]) == nil)
    }
}
