import Foundation
import Glibc
import Testing

@testable import SluiceClient

@Suite struct CredentialTests {
    @Test("a file's token is what the file holds, and another one when it changes")
    func renewal() async throws {
        try await TokenFile.with(" first\r\n\n") { file in
            let credential = try Credential(file: file.path)
            #expect(credential.isRenewable)
            #expect(credential.current == "first")
            #expect(!credential.hasNew(insteadOf: "first"))
            file.write("second\n")
            #expect(credential.current == "second")
            #expect(credential.hasNew(insteadOf: "first"))
            // In its place, as a shell's `>` does it.
            try Data("third and more".utf8).write(to: URL(fileURLWithPath: file.path))
            #expect(credential.current == "second", "that is no token")
            try Data("third".utf8).write(to: URL(fileURLWithPath: file.path))
            #expect(credential.current == "third")
        }
    }

    @Test("what stands in the file for a moment is no token", arguments: ["", "\n", "a b", "a\nb", "é", "a\u{0}"])
    func halfWritten(text: String) async throws {
        try await TokenFile.with("good") { file in
            let credential = try Credential(file: file.path)
            file.write(text)
            #expect(credential.current == "good")
            try FileManager.default.removeItem(atPath: file.path)
            #expect(credential.current == "good")
            file.write("better")
            #expect(credential.current == "better")
            file.write(text)
            #expect(throws: ClientError.self) { try Credential(file: file.path) }
        }
    }

    @Test("a refused token has the file read again")
    func refusedToken() async throws {
        try await TokenFile.with("aaaa") { file in
            let credential = try Credential(file: file.path)
            for token in ["bbbb", "cccc"] {
                file.write(token)
                #expect(credential.hasNew(insteadOf: "aaaa"))
                #expect(!credential.hasNew(insteadOf: token))
                #expect(credential.current == token)
            }
        }
    }

    @Test("a pipe gives its token once, and is not waited for again")
    func pipe() throws {
        let pipe = try #require(DescriptorPair.open())
        for byte in "token\n".utf8 { pipe.write(byte) }
        close(pipe.writer)
        defer { close(pipe.reader) }
        let credential = try Credential(file: "/dev/fd/\(pipe.reader)")
        #expect(!credential.isRenewable)
        #expect(credential.current == "token")
        #expect(!credential.hasNew(insteadOf: "token"))
    }

    @Test("no file, a folder, and more than a token can be are refused, without what they hold")
    func unusable() async throws {
        for path in ["/nonexistent", "/", "/dev/null"] {
            #expect(throws: ClientError.self) { try Credential(file: path) }
        }
        try await TokenFile.with(String(repeating: "x", count: 65_537)) { file in
            _ = #expect {
                try Credential(file: file.path)
            } throws: { error in
                "\(error)".contains(file.path) && !"\(error)".contains("xxx")
            }
        }
    }

    @Test("a token that is given stays as it is")
    func fixed() throws {
        #expect(try !Credential(token: "t").isRenewable)
        #expect(try !Credential(token: "t").hasNew(insteadOf: "u"))
        #expect(try Credential(token: nil).current == nil)
    }
}
