import Foundation
import NIOCore
import Testing

@testable import SluiceClient

@Suite
struct RecordedInputTests {
    private static let content = Data(
        """
        {"at":1000,"seq":1,"message":{"type":"a"}}
        {"at":1000,"seq":2,"message":{ "type" : "b","x":{}}}

        {"at":1200,"seq":5,"message":{"type":"c"}}

        """.utf8
    )

    @Test("Messages come as they were posted, without what the export added")
    func bytes() async throws {
        let text = try await self.collect(RecordedInput(Self.content, speed: 0)).joined()
        #expect(text == "{\"type\":\"a\"}\n{ \"type\" : \"b\",\"x\":{}}\n{\"type\":\"c\"}\n")
    }

    @Test("They keep their distances, divided by the speed")
    func rhythm() async throws {
        let start = ContinuousClock.now
        _ = try await self.collect(RecordedInput(Self.content, speed: 2))
        #expect(ContinuousClock.now - start >= .milliseconds(100))
    }

    @Test("A time beyond all bounds is one to wait for", arguments: [1e-300, 1e300])
    func hostileTimes(speed: Double) async throws {
        let content = Data(
            """
            {"at":0,"seq":1,"message":{"type":"a"}}
            {"at":\(Int64.max),"seq":2,"message":{"type":"b"}}

            """.utf8
        )
        var iterator = try RecordedInput(content, speed: speed).makeAsyncIterator()
        let first = await iterator.next()
        #expect(first.map { String(buffer: $0).hasPrefix("{\"type\":\"a\"}\n") } == true)
        if speed < 1 {
            let second = Task { await iterator.next() }
            second.cancel()
            #expect(await second.value == nil)
        }
    }

    @Test(
        "What is no exported scan is refused with its line",
        arguments: [
            "x", "{\"at\":1}", "{\"at\":1,\"seq\":2,\"message\":7}", "{\"type\":\"a\"}",
            "{\"at\":1,\"seq\":2,\"message\":{}", "{\"at\":1,\"seq\":2,\"message\":{\"type\":\"a}}",
            "{\"at\":1,\"seq\":2,\"message\":{}{}}", "{\"at\":1,\"seq\":2,\"mess",
        ]
    )
    func malformed(_ line: String) {
        #expect(throws: ClientError(.invalidRecording, "line 2 is not one of an exported scan")) {
            try RecordedInput(Data("{\"at\":1,\"seq\":2,\"message\":{}}\n\(line)\n".utf8), speed: 1)
        }
    }

    private func collect(_ input: RecordedInput) async throws -> [String] {
        var pieces: [String] = []
        for await piece in input {
            pieces.append(String(buffer: piece))
        }
        return pieces
    }
}
