import Foundation
import Testing

@Suite("What fuzzing found, and what it began with")
struct FuzzReplayTests {
    @Test("Every input is taken without harm", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        var count = 0
        for folder in ["Seeds", "FailCases"] {
            let folder = fuzz.appendingPathComponent(folder).appendingPathComponent(target.rawValue)
            let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            for file in files ?? [] {
                let bytes = Array(try Data(contentsOf: file))
                count += 1
                #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(bytes) }
            }
        }
        #expect(count > 0, "a target has seeds")
    }
}
