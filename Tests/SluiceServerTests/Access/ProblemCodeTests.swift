import Foundation
import NIOCore
import NIOHTTP1
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("The gateway's own refusals")
struct ProblemCodeTests {
    /// How many codes a file of the sources declares.
    private static func declaredCount(_ path: String) throws -> Int {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 {
            root.deleteLastPathComponent()
        }
        let text = try String(contentsOf: root.appendingPathComponent("Sources/\(path)"), encoding: .utf8)
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

    @Test("Whoever is not known is told the scheme", arguments: [.missingToken, .invalidToken] as [ProblemCode])
    func challenge(code: ProblemCode) {
        let headers = Problem(code).response(allocator: ByteBufferAllocator()).headers
        #expect(headers.map { "\($0.name): \($0.value)" } == [#"WWW-Authenticate: Bearer error="invalid_token""#])
    }
}
