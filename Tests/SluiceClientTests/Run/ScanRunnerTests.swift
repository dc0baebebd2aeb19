import Glibc
import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct ScanRunnerTests {
    private struct Run {
        let outcome: RunOutcome
        let output: String
        let error: String
        let reports: [String]

        var status: ScannerExit { self.outcome.status }
    }

    /// Runs `command` against a gateway.
    private func run(
        _ command: [String],
        port: Int,
        format: ScanFormat = .lines,
        drainTimeout: Duration = .seconds(10),
        token: String = "secret",
        tokenFile: String? = nil,
        inherited: InheritedDescriptors = InheritedDescriptors([]),
        reports: Collected<String> = Collected(),
        onOutput: @escaping @Sendable (String) -> Bool = { _ in true }
    ) async throws -> Run {
        let pieces = Collected<(ScannerStream, [UInt8])>()
        let options = ScanRunner.Options(
            scanID: "scan-1",
            command: command,
            format: format,
            connection: try GatewayConnection(
                url: "http://127.0.0.1:\(port)",
                token: tokenFile == nil ? token : nil,
                tokenFile: tokenFile
            ),
            drainTimeout: drainTimeout
        )
        let runner = try ScanRunner(
            options: options,
            inherited: inherited,
            output: { bytes, stream in
                pieces.append((stream, Array(bytes)))
                return onOutput(String(decoding: bytes, as: UTF8.self))
            },
            report: { reports.append($0) }
        )
        let outcome = await runner.run()
        func text(_ stream: ScannerStream) -> String {
            String(decoding: pieces.all.filter { $0.0 == stream }.flatMap(\.1), as: UTF8.self)
        }
        return Run(outcome: outcome, output: text(.standardOutput), error: text(.standardError), reports: reports.all)
    }

    private func shell(_ script: String) -> [String] { ["/bin/sh", "-c", script] }

    /// The message without the fields that change.
    private func timeless(_ message: String?) -> String? {
        message?.replacing(/,"elapsed":[0-9.]+/, with: "")
    }

    @Test("a scan begins, tells its lines and is completed, over one connection")
    func completed() async throws {
        let gateway = FakeGateway()
        let port = try await gateway.start()
        let run = try await self.run(self.shell("echo one; sleep 0.3; echo two; echo three >&2"), port: port)
        #expect(run.status == .exited(0))
        #expect(run.output == "one\ntwo\n")
        #expect(run.error == "three\n")
        #expect(run.reports == [])
        #expect(
            gateway.messages.map { self.timeless($0) } == [
                #"{"type":"scanStarted","command":"/bin/sh -c echo one; sleep 0.3; echo two; echo three >&2","format":"lines"}"#,
                #"{"type":"line","text":"one"}"#,
                #"{"type":"line","text":"two"}"#,
                #"{"type":"scanCompleted","exitCode":0}"#,
            ]
        )
        #expect(gateway.connectionCount == 1)
        let request = try #require(gateway.requests.first)
        #expect(request.path == "/api/scans/scan-1/progress")
        #expect(request.headers["Authorization"] == ["Bearer secret"])
        #expect(request.headers["Content-Type"] == ["application/json"])
        let keys = gateway.requests.map { $0.headers.first(name: "Idempotency-Key") }
        #expect(Set(keys).count == keys.count && !keys.contains(nil))
        try await gateway.stop()
    }

    @Test(
        "a scanner that fails ends its scan with its code or signal",
        arguments: [
            (
                "echo x; exit 3", ScannerExit.exited(3),
                #"{"type":"error","message":"sh exited with code 3","exitCode":3}"#
            ),
            (
                "kill -KILL $$", .killed(signal: 9),
                #"{"type":"error","message":"sh was ended by SIGKILL","signal":"SIGKILL"}"#
            ),
            (
                "kill -PIPE $$; exit 1", .killed(signal: 13),
                #"{"type":"error","message":"sh was ended by SIGPIPE","signal":"SIGPIPE"}"#
            ),
        ]
    )
    func failed(script: String, status: ScannerExit, message: String) async throws {
        let gateway = FakeGateway()
        let run = try await self.run(self.shell(script), port: try await gateway.start())
        #expect(run.status == status)
        #expect(self.timeless(gateway.messages.last) == message)
        try await gateway.stop()
    }

    @Test(
        "a scanner that cannot be started ends its scan as well",
        arguments: [
            ("/nonexistent/scanner", Int32(127)), ("no-such-scanner-anywhere", 127), ("/etc/passwd", 126), ("/", 126),
        ]
    )
    func notStarted(command: String, code: Int32) async throws {
        let gateway = FakeGateway()
        let run = try await self.run([command], port: try await gateway.start())
        #expect(run.status.code == code)
        try #require(gateway.messages.count == 2)
        #expect(gateway.messages[0].hasPrefix(#"{"type":"scanStarted""#))
        #expect(gateway.messages[1].hasPrefix(#"{"type":"error","message":""#))
        #expect(gateway.messages[1].hasSuffix(#""exitCode":\#(code)}"#))
        #expect(run.reports.count == 1)
        try await gateway.stop()
    }

    @Test(
        "output passes unchanged, whatever the gateway says, and a refusal is told once",
        arguments: [401, 403, 404, 301]
    )
    func refused(status: Int) async throws {
        let gateway = FakeGateway { _, _ in
            FakeGateway.Answer(status: status, body: #"{"code":"no","detail":"not you"}"#)
        }
        let run = try await self.run(
            self.shell("for i in 1 2 3; do echo $i; sleep 0.1; done; printf '\\377\\000end'; exit 4"),
            port: try await gateway.start()
        )
        #expect(run.status == .exited(4))
        #expect(run.output == "1\n2\n3\n\u{FFFD}\0end")
        #expect(run.reports.filter { $0.contains("not you") }.count == 1)
        #expect(!run.reports.joined().contains("secret"))
        try await gateway.stop()
    }

    @Test("a gateway that stumbles gets every message, once and in order")
    func stumbling() async throws {
        let gateway = FakeGateway { _, index in
            switch index % 4 {
            case 0:
                FakeGateway.Answer(isCut: true)
            case 1:
                FakeGateway.Answer(status: 503)
            case 2:
                FakeGateway.Answer(status: 429, headers: [("Retry-After", "0")])
            default:
                .accepted
            }
        }
        let run = try await self.run(
            self.shell("for i in 1 2 3 4 5 6; do echo $i; done"),
            port: try await gateway.start()
        )
        #expect(run.status == .exited(0))
        let lines = gateway.messages.filter { $0.contains(#""line""#) }
        #expect(lines == (1...6).map { #"{"type":"line","text":"\#($0)"}"# })
        #expect(gateway.messages.last?.contains("scanCompleted") == true)
        try await gateway.stop()
    }

    @Test("a gateway that comes only after the scan still gets all of it")
    func lateGateway() async throws {
        let port = ReservedPort()
        let gateway = FakeGateway()
        let number = port.number
        let reports = Collected<String>()
        async let running = self.run(self.shell("seq 1 100; exit 2"), port: number, reports: reports)
        #expect(await eventually { !reports.all.isEmpty })
        _ = try await gateway.start(port: number)
        let run = try await running
        #expect(run.status == .exited(2))
        try #require(gateway.messages.count == 102)
        #expect(gateway.messages.last?.contains(#""exitCode":2"#) == true)
        #expect(run.reports.count == 2, "away, and back")
        try await gateway.stop()
    }

    @Test("a gateway that never comes costs no more than the time that was given")
    func absentGateway() async throws {
        let port = ReservedPort()
        let run = try await self.run(self.shell("seq 1 20000"), port: port.number, drainTimeout: .seconds(1))
        #expect(run.status == .exited(0))
        #expect(run.output.utf8.count == 108_894)
        #expect(run.reports.last?.contains("could not be delivered") == true)
    }

    @Test("one message that the gateway does not take is left out of its array")
    func faultyMessage() async throws {
        let gateway = FakeGateway { request, _ in
            guard let index = request.messages.firstIndex(where: { $0.contains("bad") }) else { return .accepted }
            return FakeGateway.Answer(status: 400, body: #"{"code":"invalid_message","index":\#(index)}"#)
        }
        _ = try await self.run(
            self.shell(#"for t in a bad b; do echo "{\"type\":\"$t\"}"; done"#),
            port: try await gateway.start(),
            format: .ndjson
        )
        let taken = gateway.requests.filter { !$0.messages.contains { $0.contains("bad") } }.flatMap(\.messages)
        #expect(taken.filter { $0.hasPrefix(#"{"type":"a"}"#) || $0.hasPrefix(#"{"type":"b"}"#) }.count == 2)
        #expect(taken.last?.contains("scanCompleted") == true)
        try await gateway.stop()
    }

    @Test("a scanner that ends its scan itself is not ended twice, unless it failed", arguments: [0, 1])
    func ownEnd(code: Int) async throws {
        let gateway = FakeGateway()
        _ = try await self.run(
            self.shell("echo '{\"type\":\"scanCompleted\"}'; exit \(code)"),
            port: try await gateway.start(),
            format: .ndjson
        )
        #expect(gateway.messages.dropFirst().filter { $0.contains("scanCompleted") }.count == 1)
        #expect(gateway.messages.filter { $0.contains(#""error""#) }.count == code)
        try await gateway.stop()
    }

    @Test("a process that the scanner leaves behind does not hold its end up")
    func leftBehind() async throws {
        let gateway = FakeGateway()
        let run = try await self.run(self.shell("sleep 600 & echo $!"), port: try await gateway.start())
        #expect(run.status == .exited(0))
        try #require(gateway.messages.count == 3)
        let process = try #require(run.output.split(separator: "\n").first.flatMap { Int32($0) })
        // It is there still: the end was not waited for.
        #expect(kill(process, SIGKILL) == 0)
        try await gateway.stop()
    }

    @Test(
        "over TLS the gateway has to be the trusted one, and the scanner runs all the same",
        arguments: [true, false]
    )
    func tls(isTrusted: Bool) async throws {
        let gateway = FakeGateway()
        let port = try await gateway.start(tls: try TestCertificate.serverContext())
        let reports = Collected<String>()
        let status = try await TestCertificate.withFile { file in
            let options = ScanRunner.Options(
                scanID: "s",
                command: ["true"],
                connection: try GatewayConnection(
                    url: "https://127.0.0.1:\(port)",
                    token: "secret",
                    certificateAuthorityFile: isTrusted ? file : nil
                ),
                drainTimeout: .seconds(isTrusted ? 10 : 1)
            )
            return try await ScanRunner(options: options, report: { reports.append($0) }).run().status
        }
        #expect(status == .exited(0))
        #expect(gateway.messages.count == (isTrusted ? 2 : 0))
        #expect(reports.all.contains { $0.contains("not trusted") } != isTrusted)
        try await gateway.stop()
    }

    @Test("a scanner inherits nothing of ours, whatever is opened while it is being started")
    func inheritance() async throws {
        let gateway = FakeGateway()
        let port = try await gateway.start()
        // None: what other tests have open now may be anybody's later.
        let kept = InheritedDescriptors([])
        // As libraries do it: without the flag that closes them in a started command. Only sockets, which the runners of
        // other tests never take for files that a scanner is to have.
        let opening = Task.detached {
            while !Task.isCancelled {
                let descriptors = (0..<20).map { _ in socket(AF_INET, 1, 0) }
                await Task.yield()
                for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
            }
        }
        let connection = try GatewayConnection(url: "http://127.0.0.1:\(port)", token: nil)
        let listing = "for f in /proc/$$/fd/*; do readlink $f; done; exit 0"
        for _ in 0..<20 {
            let pieces = Collected<[UInt8]>()
            let late = socket(AF_INET, 1, 0)
            let child = try ChildProcess.start(self.shell(listing), keeping: kept)
            for descriptor in [child.output, child.error] {
                StreamPump(source: descriptor, stop: -1)
                    .run { bytes in
                        pieces.append(Array(bytes))
                        return true
                    }
            }
            #expect(child.wait() == .exited(0))
            close(late)
            let names = String(decoding: pieces.all.flatMap(\.self), as: UTF8.self)
            #expect(names.contains("pipe:"))
            #expect(!names.contains("socket:") && !names.contains("anon_inode:"), "\(names)")
        }
        opening.cancel()
        let options = ScanRunner.Options(scanID: "s", command: ["true"], connection: connection)
        #expect(try await ScanRunner(options: options, report: { _ in }).run().code == 0)
        try await gateway.stop()
    }

    @Test("a scanner inherits the files that a shell opened for it")
    func shellsFiles() async throws {
        let gateway = FakeGateway()
        let descriptor = unsafe open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        let run = try await self.run(
            self.shell("ls -l /proc/self/fd"),
            port: try await gateway.start(),
            inherited: InheritedDescriptors([descriptor])
        )
        #expect(run.output.contains(" \(descriptor) -> /dev/null"))
        try await gateway.stop()
    }

    @Test("a reader that goes away ends the scanner as it would without us")
    func readerGone() async throws {
        let gateway = FakeGateway()
        let run = try await self.run(["yes"], port: try await gateway.start(), onOutput: { _ in false })
        #expect(run.status == .killed(signal: SIGPIPE))
        #expect(self.timeless(gateway.messages.last)?.hasSuffix(#""signal":"SIGPIPE"}"#) == true)
        try await gateway.stop()
    }

    @Test("a cancelled run stops its scanner and still ends the scan")
    func cancelled() async throws {
        let gateway = FakeGateway()
        let port = try await gateway.start()
        let running = Task { try await self.run(self.shell("echo ready; exec sleep 30"), port: port) }
        #expect(await eventually { gateway.messages.contains { $0.contains("ready") } })
        running.cancel()
        let run = try await running.value
        #expect(run.status == .killed(signal: SIGTERM))
        #expect(gateway.messages.last?.contains(#""signal":"SIGTERM""#) == true)
        try await gateway.stop()
    }

    @Test("the last lines of standard error are in the error of a command that fails, and only there")
    func errorTail() async throws {
        for (code, tail) in [(0, ""), (3, #","stderr":"rate: lost\nFTL \\u0007bad \"x\"""#)] {
            let gateway = FakeGateway()
            let script = "printf 'rate: lost\\n\\033[31mFTL\\033[0m \\007bad \"x\"\\n\\n' >&2; exit \(code)"
            let run = try await self.run(self.shell(script), port: try await gateway.start())
            #expect(run.status == .exited(Int32(code)))
            #expect(gateway.messages.last?.hasSuffix("\(tail)}") == true)
            #expect(gateway.messages.last?.contains("stderr") == !tail.isEmpty)
            try await gateway.stop()
        }
    }

    @Test(
        "messages that are refused for good make an exit of their own, unless the scanner failed",
        arguments: [
            ("true", 403, Int32(76)), ("true", 401, 76), ("exit 4", 403, 4), ("kill -9 $$", 403, 137), ("true", 202, 0),
        ]
    )
    func refusedForGood(script: String, status: Int, code: Int32) async throws {
        let gateway = FakeGateway { _, _ in FakeGateway.Answer(status: status, body: #"{"code":"no"}"#) }
        let run = try await self.run(self.shell(script), port: try await gateway.start())
        #expect(run.outcome.code == code)
        #expect(run.outcome.refusedCount == (status == 202 ? 0 : 2))
        #expect(run.reports.contains { $0 == "2 message(s) were refused by the gateway" } == (status != 202))
        try await gateway.stop()
    }

    @Test("one message that is refused is as much as many")
    func oneRefused() async throws {
        let gateway = FakeGateway { request, _ in
            guard let index = request.messages.firstIndex(where: { $0.contains("bad") }) else { return .accepted }
            return FakeGateway.Answer(status: 400, body: #"{"code":"invalid_message","index":\#(index)}"#)
        }
        let run = try await self.run(self.shell("echo good; echo b''ad"), port: try await gateway.start())
        #expect(run.outcome == RunOutcome(status: .exited(0), refusedCount: 1))
        try await gateway.stop()
    }

    @Test("a token that ends is replaced by the one that its file holds, and messages wait for that one")
    func renewedToken() async throws {
        try await TokenFile.with("old") { file in
            let refusals = Collected<Int>()
            let gateway = FakeGateway { request, index in
                guard request.headers["Authorization"] == ["Bearer old"], index > 0 else { return .accepted }
                refusals.append(index)
                // The token is renewed late.
                if refusals.all.count == 3 { file.write("new") }
                return FakeGateway.Answer(status: 401, body: #"{"code":"invalid_token"}"#)
            }
            let run = try await self.run(
                self.shell("for i in 1 2 3 4 5; do echo $i; sleep 0.2; done"),
                port: try await gateway.start(),
                tokenFile: file.path
            )
            #expect(run.outcome == RunOutcome(status: .exited(0), refusedCount: 0))
            let taken = gateway.requests.enumerated()
                .filter { $0.offset == 0 || $0.element.headers["Authorization"] == ["Bearer new"] }.flatMap(
                    \.element.messages
                )
            #expect(taken.map { self.timeless($0) }.count == 7)
            #expect(taken.filter { $0.contains(#""line""#) } == (1...5).map { #"{"type":"line","text":"\#($0)"}"# })
            #expect(run.reports.count == 2, "away, and back")
            #expect(!run.reports.joined().contains("old"))
            try await gateway.stop()
        }
    }

    @Test("a file whose token is never taken ends the run with a refusal, in the time that was given")
    func tokenNeverTaken() async throws {
        try await TokenFile.with("old") { file in
            let gateway = FakeGateway { _, _ in FakeGateway.Answer(status: 401, body: #"{"code":"invalid_token"}"#) }
            let run = try await self.run(
                self.shell("echo x"),
                port: try await gateway.start(),
                drainTimeout: .seconds(1),
                tokenFile: file.path
            )
            #expect(run.outcome == RunOutcome(status: .exited(0), refusedCount: 3))
            #expect(run.reports.first?.contains("waiting for another token") == true)
            try await gateway.stop()
        }
    }

    @Test("a token that would end says so before the scanner starts")
    func expiry() async throws {
        let gateway = FakeGateway()
        // {"exp":1}
        let run = try await self.run(["true"], port: try await gateway.start(), token: "x.eyJleHAiOjF9.y")
        #expect(run.reports.count == 1)
        #expect(run.reports.first?.hasPrefix("warning: the token expired ") == true)
        #expect(!run.reports.joined().contains("eyJ"))
        try await gateway.stop()
    }

    @Test("what has its numbers is repeated under its key alone, whatever the gateway says of the disk")
    func numberedBatch() async throws {
        let gateway = FakeGateway { _, index in
            index < 2
                ? FakeGateway.Answer(
                    status: 503,
                    headers: [("Retry-After", "0")],
                    body: #"{"code":"storage_unavailable","lastSeq":1}"#
                ) : .accepted
        }
        let run = try await self.run(self.shell("sleep 1; echo x"), port: try await gateway.start())
        #expect(run.outcome == RunOutcome(status: .exited(0), refusedCount: 0))
        let first = gateway.requests.prefix(3)
        #expect(Set(first.map { $0.headers.first(name: "Idempotency-Key") }).count == 1)
        #expect(Set(first.map(\.body)).count == 1)
        try #require(gateway.messages.count == 3)
        try await gateway.stop()
    }

    @Test("without a command or with an impossible id nothing is run")
    func unusable() throws {
        let connection = try GatewayConnection(url: "http://127.0.0.1:1", token: nil)
        #expect(throws: ClientError.self) {
            try ScanRunner(options: .init(scanID: "s", command: [], connection: connection), report: { _ in })
        }
        #expect(throws: ClientError.self) {
            try ScanRunner(options: .init(scanID: "a/b", command: ["true"], connection: connection), report: { _ in })
        }
    }
}
