import TestSupport
import Testing

@testable import SluiceAdmission

@Suite struct ScanPatternTests {
    /// The definition of a glob, without a care for time.
    private func naive(_ pattern: Substring, _ name: Substring) -> Bool {
        guard let first = pattern.first else {
            return name.isEmpty
        }
        if first == "*" {
            return self.naive(pattern.dropFirst(), name) || !name.isEmpty && self.naive(pattern, name.dropFirst())
        }
        guard let character = name.first, first == "?" || first == character else {
            return false
        }
        return self.naive(pattern.dropFirst(), name.dropFirst())
    }

    @Test(arguments: [
        ("abc", "abc", true), ("abc", "abd", false), ("abc", "abcd", false), ("abc", "ab", false),
        ("*", "", true), ("*", "anything", true), ("", "", true), ("", "a", false),
        ("team-7-*", "team-7-nightly", true), ("team-7-*", "team-7-", true), ("team-7-*", "team-70", false),
        ("team-7-*", "my-team-7-x", false), ("*-prod", "a-prod", true), ("*-prod", "a-prod-b", false),
        ("a*b*c", "a-b-b-c", true), ("a*b*c", "acb", false), ("a?c", "abc", true), ("a?c", "ac", false),
        ("?*", "", false), ("**", "x", true), ("[ab]", "a", false), ("[ab]", "[ab]", true), ("A", "a", false),
    ])
    func `a pattern matches what it should`(pattern: String, name: String, expected: Bool) {
        #expect(ScanPattern(pattern).matches(name) == expected)
        #expect(self.naive(pattern[...], name[...]) == expected)
    }

    @Test func `random patterns match what the definition says`() {
        var generator = SplitMix64(seed: 42)
        func text(_ alphabet: String, _ longest: Int) -> String {
            String(
                (0..<Int.random(in: 0...longest, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator)!
                }
            )
        }
        for _ in 0..<20_000 {
            let pattern = text("ab*?", 8)
            let name = text("ab", 10)
            #expect(ScanPattern(pattern).matches(name) == self.naive(pattern[...], name[...]), "\(pattern) \(name)")
        }
    }

    @Test func `a pattern made to go back again and again takes no time`() {
        let pattern = ScanPattern(String(repeating: "a*", count: 4000) + "b")
        let name = String(repeating: "a", count: 128)
        let time = ContinuousClock().measure {
            for _ in 0..<100 {
                #expect(!pattern.matches(name))
            }
        }
        #expect(time < .seconds(2))
    }
}
