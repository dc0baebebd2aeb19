import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct PublisherTests {
    private func publisher(
        port: Int,
        token: String = "secret",
        tokenFile: String? = nil,
        reports: Collected<String>
    ) throws -> Publisher {
        let connection = try GatewayConnection(
            url: "http://127.0.0.1:\(port)",
            token: tokenFile == nil ? token : nil,
            tokenFile: tokenFile
        )
        return try Publisher(scanID: "s", connection: connection) { reports.append($0) }
    }

    /// Runs `body` with the writing end of a pipe whose other end is published.
    private func publish(
        to gateway: FakeGateway,
        token: String = "secret",
        tokenFile: String? = nil,
        reports: Collected<String> = Collected(),
        _ body: (Int32) async throws -> Void
    ) async throws -> PublishOutcome {
        let port = try await gateway.start()
        let publisher = try self.publisher(port: port, token: token, tokenFile: tokenFile, reports: reports)
        let pipe = try #require(DescriptorPair.open())
        async let outcome = publisher.publish(DescriptorInput(descriptor: pipe.reader))
        try await body(pipe.writer)
        let result = await outcome
        close(pipe.reader)
        try await gateway.stop()
        return result
    }

    @Test("with several gateways what one leaves open goes to the next, under the same key")
    func severalGateways() async throws {
        // The first takes the array, and is gone before it says so.
        let first = FakeGateway { _, _ in FakeGateway.Answer(isCut: true) }
        let second = FakeGateway { _, index in
            FakeGateway.Answer(body: #"{"scanId":"s","accepted":2,"firstSeq":1,"lastSeq":\#(index == 0 ? 2 : 4)}"#)
        }
        let ports = [try await first.start(), try await second.start()]
        let connection = try GatewayConnection(urls: ports.map { "http://127.0.0.1:\($0)" }, token: "secret")
        let reports = Collected<String>()
        let publisher = try Publisher(scanID: "s", connection: connection) { reports.append($0) }
        let pieces = AsyncStream<ByteBuffer> { stream in
            stream.yield(ByteBuffer(string: "\(self.message(1))\n\(self.message(2))\n"))
            stream.yield(ByteBuffer(string: "\(self.message(3))\n\(self.message(4))"))
            stream.finish()
        }
        let outcome = await publisher.publish(pieces)
        #expect(outcome == .accepted(#"{"scanId":"s","accepted":4,"lastSeq":4}"#))
        let keys = (first.requests + second.requests).map { $0.headers.first(name: "Idempotency-Key") }
        #expect(keys.count == 3 || keys.count == 4, "\(keys)")
        #expect(keys[0] != nil && keys[0] == keys[1])
        #expect(second.requests.flatMap(\.messages) == (1...4).map { self.message($0) })
        #expect(reports.all.count == 1 && reports.all[0].hasSuffix("going on"))
        try await first.stop()
        try await second.stop()
    }

    private func message(_ number: Int) -> String { #"{"type":"t","n":\#(number)}"# }

    private func write(_ numbers: ClosedRange<Int>, to descriptor: Int32) {
        self.write(numbers.map { self.message($0) + "\n" }.joined(), to: descriptor)
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

    @Test(
        "a token that ends is told at the start, one that cannot be read is not",
        arguments: ["{\"exp\":60}", "secret"]
    )
    func expiry(claims: String) async throws {
        let gateway = FakeGateway { _, _ in FakeGateway.Answer(body: "{}") }
        let reports = Collected<String>()
        let token = "x.\(Data(claims.utf8).base64EncodedString().replacing("=", with: "")).y"
        _ = try await self.publish(to: gateway, token: token, reports: reports) { close($0) }
        let isTold = reports.all.contains { $0.hasPrefix("warning: the token expired ") }
        #expect(isTold == (claims != "secret"))
        #expect(reports.all.count == (isTold ? 1 : 0))
    }

    @Test("a refusal for good in the middle of the stream ends it at once, while input could still come")
    func refused() async throws {
        let gateway = FakeGateway(answersEarly: { request, _ in !request.body.isEmpty }) { _, _ in
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
        #expect(outcome.failure == "the gateway refused: HTTP 400 invalid_message: not JSON (line 1)")
        #expect(gateway.requests.count == 1)
    }

    @Test(
        "a stream that is ended for now goes on behind the last message that has its number",
        arguments: [503, 408, 429],
        [0, 1, 2, 3]
    )
    func goingOn(status: Int, accepted: Int) async throws {
        let numbers = accepted > 0 ? #","accepted":\#(accepted),"lastSeq":\#(accepted + 40)"# : #","accepted":0"#
        let gateway = FakeGateway(answersEarly: { request, index in index == 0 && request.lines.count == 3 }) {
            _,
            index in
            index == 0
                ? FakeGateway.Answer(
                    status: status,
                    headers: [("Retry-After", "0")],
                    body: #"{"code":"storage_unavailable","detail":"full"\#(numbers)}"#
                )
                : FakeGateway.Answer(body: #"{"scanId":"s","accepted":\#(5 - accepted),"lastSeq":47}"#)
        }
        let reports = Collected<String>()
        let outcome = try await self.publish(to: gateway, reports: reports) { descriptor in
            self.write(1...3, to: descriptor)
            #expect(await eventually { gateway.requests.count == 1 })
            self.write("\n" + self.message(4) + "\n", to: descriptor)
            self.write(5...5, to: descriptor)
            close(descriptor)
        }
        #expect(outcome == .accepted(#"{"scanId":"s","accepted":5,"lastSeq":47}"#))
        #expect(gateway.requests.count == 2)
        #expect(gateway.requests.last?.lines == (accepted + 1...5).map { self.message($0) })
        let taken =
            accepted > 0 ? "; \(accepted) message(s) before that were taken, the last as number \(accepted + 40)" : ""
        #expect(reports.all == ["HTTP \(status) storage_unavailable: full\(taken); going on"])
    }

    @Test("where all was taken before the end there is nothing more to post")
    func allTaken() async throws {
        let gateway = FakeGateway { _, _ in
            FakeGateway.Answer(status: 503, body: #"{"code":"draining","accepted":2,"lastSeq":9}"#)
        }
        let outcome = try await self.publish(to: gateway) { descriptor in
            self.write(1...2, to: descriptor)
            close(descriptor)
        }
        #expect(outcome == .accepted(#"{"scanId":"s","accepted":2,"lastSeq":9}"#))
        #expect(gateway.requests.count == 1)
    }

    @Test("what may have been taken is never posted again", arguments: ["cut", "<html>Bad Gateway</html>", "{}"])
    func unknown(body: String) async throws {
        let gateway = FakeGateway(answersEarly: { request, _ in request.lines.count == 2 }) { _, _ in
            FakeGateway.Answer(status: 502, body: body, isCut: body == "cut")
        }
        let outcome = try await self.publish(to: gateway) { descriptor in
            self.write(1...2, to: descriptor)
            #expect(await eventually { gateway.requests.count == 1 })
            close(descriptor)
        }
        #expect(gateway.requests.count == 1)
        #expect(outcome.failure == (body == "cut" ? "the connection was closed" : "the gateway refused: HTTP 502"))
    }

    @Test("a gateway that comes back only after a while is waited for, without a double")
    func restarted() async throws {
        let gateway = FakeGateway(answersEarly: { request, _ in request.lines.count == 3 }) { _, _ in
            FakeGateway.Answer(
                status: 503,
                headers: [("Connection", "close")],
                body: #"{"code":"draining","accepted":2,"lastSeq":2}"#
            )
        }
        let second = FakeGateway { _, _ in FakeGateway.Answer(body: #"{"accepted":2,"lastSeq":4}"#) }
        // Nobody else gets it while no gateway listens.
        let reserved = ReservedPort()
        let port = try await gateway.start(port: reserved.number)
        let reports = Collected<String>()
        let publisher = try self.publisher(port: port, reports: reports)
        let pipe = try #require(DescriptorPair.open())
        async let publishing = publisher.publish(DescriptorInput(descriptor: pipe.reader))
        self.write(1...3, to: pipe.writer)
        #expect(await eventually { gateway.requests.count == 1 })
        try await gateway.stop()
        self.write(4...4, to: pipe.writer)
        close(pipe.writer)
        try await Task.sleep(for: .milliseconds(400))
        _ = try await second.start(port: port)
        #expect(await publishing == .accepted(#"{"scanId":"s","accepted":4,"lastSeq":4}"#))
        #expect(second.requests.flatMap(\.lines) == [self.message(3), self.message(4)])
        #expect(reports.all.count == 1)
        close(pipe.reader)
        try await second.stop()
        withExtendedLifetime(reserved) {}
    }

    @Test("a token that ends within the stream is replaced by the one that its file holds by then")
    func renewedToken() async throws {
        try await TokenFile.with("first\n") { file in
            let gateway = FakeGateway(answersEarly: { request, index in index == 0 && request.lines.count == 2 }) {
                _,
                index in
                if index == 0 { file.write("second") }
                return index == 0
                    ? FakeGateway.Answer(status: 401, body: #"{"code":"invalid_token","accepted":1,"lastSeq":1}"#)
                    : FakeGateway.Answer(body: #"{"accepted":2,"lastSeq":3}"#)
            }
            let outcome = try await self.publish(to: gateway, tokenFile: file.path) { descriptor in
                self.write(1...2, to: descriptor)
                #expect(await eventually { gateway.requests.count == 1 })
                self.write(3...3, to: descriptor)
                close(descriptor)
            }
            #expect(outcome == .accepted(#"{"scanId":"s","accepted":3,"lastSeq":3}"#))
            #expect(gateway.requests.map { $0.headers["Authorization"] } == [["Bearer first"], ["Bearer second"]])
            #expect(gateway.requests.last?.lines == [self.message(2), self.message(3)])
        }
    }

    @Test("input faster than the gateway waits for it, and all of it arrives in order")
    func largeInput() async throws {
        let gateway = FakeGateway { request, _ in FakeGateway.Answer(body: #"{"accepted":\#(request.lines.count)}"#) }
        let count = 20_000
        let outcome = try await self.publish(to: gateway) { descriptor in
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    self.write(1...count, to: descriptor)
                    close(descriptor)
                    continuation.resume()
                }
            }
        }
        #expect(outcome == .accepted(#"{"accepted":\#(count)}"#))
        #expect(gateway.requests.first?.lines == (1...count).map { self.message($0) })
    }

    @Test("no gateway is a failure that says so")
    func absent() async throws {
        let port = ReservedPort()
        let pipe = try #require(DescriptorPair.open())
        defer { pipe.close() }
        let outcome = try await self.publisher(port: port.number, reports: Collected())
            .publish(DescriptorInput(descriptor: pipe.reader))
        #expect(outcome == .failed("connection refused", PublishOutcome.Taken()))
    }
}

/// Writes text to a descriptor.
private enum PipeWriter {
    static func write(_ text: String, to descriptor: Int32) -> Int {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return rest.count }
            rest = rest.dropFirst(count)
        }
        return 0
    }
}
