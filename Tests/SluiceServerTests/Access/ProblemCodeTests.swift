import Foundation
import NIOCore
import NIOHTTP1
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("The gateway's own refusals")
struct ProblemCodeTests {
    /// The repository's folder.
    private static var root: URL {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 {
            root.deleteLastPathComponent()
        }
        return root
    }

    private static func text(of path: String) throws -> String {
        try String(contentsOf: self.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// How many codes a file of the sources declares.
    private static func declaredCount(_ path: String) throws -> Int {
        let text = try self.text(of: "Sources/\(path)")
        return text.split(separator: "\n").count { $0.contains("static let") && $0.contains(" = Self(") }
    }

    @Test("No code is missing in the list, so that each is counted from the start")
    func complete() throws {
        let declaredCount =
            try Self.declaredCount("SluiceHTTP/Exchange/ProblemCode.swift")
            + Self.declaredCount("SluiceServer/Access/ProblemCode+gateway.swift")
        #expect(declaredCount > 40)
        #expect(declaredCount == Set(ProblemCode.all).count)
    }

    @Test("Every code is snake case, is one of its kind, and stands for an error")
    func names() {
        for code in ProblemCode.all {
            #expect(code.rawValue.allSatisfy { $0 == "_" || $0.isLowercase })
            #expect(code.status.code >= 400)
            #expect(!code.title.isEmpty)
        }
        #expect(Set(ProblemCode.all.map(\.rawValue)).count == ProblemCode.all.count)
    }

    /// The rows of a table in the guide to troubleshooting, by their first cells.
    private static func rows(below heading: String) throws -> [[String]] {
        let text = try self.text(of: "docs/troubleshooting.md")
        let section = text.split(separator: "\n## ").first { $0.hasPrefix(heading) }
        return try #require(section).split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| code") }
            .map { row in
                row.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
            }
    }

    @Test("The guide to troubleshooting explains each code, with its status, and no other")
    func explained() throws {
        let rows = try Self.rows(below: "Codes of answers")
        #expect(
            Set(rows.map { "\($0[0]) \($0[1])" }) == Set(ProblemCode.all.map { "\($0.rawValue) \($0.status.code)" })
        )
        #expect(rows.count == ProblemCode.all.count)
    }

    @Test("It explains the codes of error frames that are no answers' codes")
    func explainedFrames() throws {
        let folder = Self.root.appendingPathComponent("Sources/SluiceServer/Subscription")
        var codes: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            codes.formUnion(text.matches(of: /code(?:: | = [^"\n]*\? )"([a-z_]+)"/).map { String($0.output.1) })
        }
        codes.subtract(ProblemCode.all.map(\.rawValue))
        #expect(codes.count >= 5)
        #expect(Set(try Self.rows(below: "Codes of error frames").map { $0[0] }) == codes)
    }

    @Test("It explains each code with which a socket is closed")
    func explainedCloses() throws {
        let codes = Set(try Self.rows(below: "Close codes").compactMap { UInt16($0[0]) })
        #expect(codes == Set(WebSocketCloseCode.common.map(\.rawValue)))
        let reasons = try Self.rows(below: "Close codes").map { $0[1] }.joined()
        for closing in [
            Closing.tokenExpired, .tokenRevoked, .disconnected, .notAdmitted, .keyWithdrawn, .replaced, .slowClient,
            .overloaded,
        ] {
            #expect(reasons.contains(closing.reason), "\(closing.reason)")
        }
    }

    @Test("Whoever is not known is told the scheme", arguments: [.missingToken, .invalidToken] as [ProblemCode])
    func challenge(code: ProblemCode) {
        let headers = Problem(code).response(allocator: ByteBufferAllocator()).headers
        #expect(headers.map { "\($0.name): \($0.value)" } == [#"WWW-Authenticate: Bearer error="invalid_token""#])
    }
}
