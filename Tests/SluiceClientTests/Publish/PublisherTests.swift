import Glibc
import NIOCore
import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct PublisherTests {
    private func publisher(port: Int) throws -> Publisher {
        try Publisher(scanID: "s", connection: try GatewayConnection(url: "http://127.0.0.1:\(port)", token: "secret"))
    }

    /// Runs `body` with the writing end of a pipe whose other end is published.
    private func publish(to gateway: FakeGateway, _ body: (Int32) async throws -> Void) async throws -> PublishOutcome {
        let port = try await gateway.start()
        let publisher = try self.publisher(port: port)
        let pipe = try #require(DescriptorPair.open())
        async let outcome = publisher.publish(DescriptorInput(descriptor: pipe.reader))
        try await body(pipe.writer)
        let result = await outcome
        close(pipe.reader)
        try await gateway.stop()
        return result
    }

    private func write(_ text: String, to descriptor: Int32) {
        _ = PipeWriter.write(text, to: descriptor)
    }

    @Test("lines become one chunked request, and the last line gets its end")
    func accepted() async throws {
        let gateway = FakeGateway { _, _ in FakeGateway.Answer(body: #"{"scanId":"s","accepted":2}"#) }
        let outcome = try await self.publish(to: gateway) { descriptor in
            self.write("{\"type\":\"a\"}\n", to: descriptor)
            try await Task.sleep(for: .milliseconds(100))
            self.write("{\"type\":\"b\"}", to: descriptor)
            close(descriptor)
        }
        #expect(outcome == .accepted(#"{"scanId":"s","accepted":2}"#))
        let request = try #require(gateway.requests.first)
        #expect(gateway.requests.count == 1)
        #expect(String(decoding: request.body, as: UTF8.self) == "{\"type\":\"a\"}\n{\"type\":\"b\"}\n")
        #expect(request.headers["Content-Type"] == ["application/x-ndjson"])
        #expect(request.headers["Transfer-Encoding"] == ["chunked"])
        #expect(request.headers["Authorization"] == ["Bearer secret"])
    }

    @Test("a refusal in the middle of the stream ends it at once, while input could still come")
    func refused() async throws {
        let gateway = FakeGateway { _, _ in
            FakeGateway.Answer(
                status: 400,
                headers: [("Connection", "close")],
                body: #"{"code":"invalid_message","detail":"not JSON","line":1,"accepted":0}"#
            )
        }
        let writer = Collected<Int32>()
        let outcome = try await self.publish(to: gateway) { descriptor in
            writer.append(descriptor)
            self.write("bad\n", to: descriptor)
        }
        for descriptor in writer.all { close(descriptor) }
        guard case .refused(let problem) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(problem.description == "HTTP 400 invalid_message: not JSON (line 1)")
        #expect(problem.accepted == 0)
    }

    @Test("no gateway is a failure that says so")
    func absent() async throws {
        let port = ReservedPort()
        let pipe = try #require(DescriptorPair.open())
        defer { pipe.close() }
        let outcome = try await self.publisher(port: port.number).publish(DescriptorInput(descriptor: pipe.reader))
        #expect(outcome == .failed("connection refused"))
    }
}

/// Writes text to a descriptor.
private enum PipeWriter {
    static func write(_ text: String, to descriptor: Int32) -> Int {
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
