import Foundation
import Testing

/// The house rules, run as tests: the same program that `make lint` runs, so that there is one truth.
@Suite
struct TidyTests {
    @Test("The repository keeps the house rules", arguments: Rule.allCases)
    func repositoryKeeps(_ rule: Rule) throws {
        let result = try TidyProgram.run("--only", rule.rawValue)
        #expect(result.exitCode == 0, "\(result.output)")
        #expect(result.output.isEmpty)
    }

    @Test("Every rule finds what it has to find, and nothing else")
    func rulesFindKnownBadSnippets() throws {
        let result = try TidyProgram.run("--self-test")
        #expect(result.exitCode == 0, "\(result.output)")
        #expect(result.output.contains(" 0 failed"))
    }

    @Test("No rule of the program is missing here")
    func everyRuleIsRun() throws {
        let result = try TidyProgram.run("--list")
        let known = result.output.split(separator: "\n").map(String.init)
        #expect(Set(known) == Set(Rule.allCases.map(\.rawValue)))
    }

    @Test("A finding fails the program")
    func findingFailsTheProgram() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("tidy-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let folder = root.appendingPathComponent("Sources/Example")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("struct Loose {}\n".utf8).write(to: folder.appendingPathComponent("Loose.swift"))

        let result = try TidyProgram.run("--root", root.path, "--only", Rule.layout.rawValue)
        #expect(result.exitCode == 1)
        #expect(result.output.contains("Sources/Example/Loose.swift:1: a loose file"))
    }
}
