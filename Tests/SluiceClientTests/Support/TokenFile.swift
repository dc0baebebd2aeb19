import Foundation

/// A file with a token in a folder of its own, for as long as a test runs.
struct TokenFile: Sendable {
    let path: String

    /// Replaces the old token by another, as a renewal does: in a new file that takes its name.
    func write(_ text: String) {
        try? Data(text.utf8).write(to: URL(fileURLWithPath: self.path), options: .atomic)
    }

    static func with<Result>(_ text: String, _ body: (TokenFile) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = TokenFile(path: folder.appendingPathComponent("token").path)
        file.write(text)
        return try await body(file)
    }
}
