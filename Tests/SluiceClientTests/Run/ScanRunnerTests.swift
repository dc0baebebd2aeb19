import Glibc
import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct ScanRunnerTests {
    private struct Run {
        let status: ScannerExit
        let output: String
        let error: String
        let reports: [String]
    }

    /// Runs `command` against a gateway.
    private func run(
        _ command: [String],
        port: Int,
        format: ScanFormat = .lines,
        drainTimeout: Duration = .seconds(10),
        reports: Collected<String> = Collected(),
        onOutput: @escaping @Sendable (String) -> Bool = { _ in true }
    ) async throws -> Run {
        let pieces = Collected<(ScannerStream, [UInt8])>()
        let options = ScanRunner.Options(
            scanID: "scan-1",
            command: command,
            format: format,
            connection: try GatewayConnection(url: "http://127.0.0.1:\(port)", token: "secret"),
            drainTimeout: drainTimeout
        )
        let runner = try ScanRunner(
            options: options,
            output: { bytes, stream in
                pieces.append((stream, Array(bytes)))
                return onOutput(String(decoding: bytes, as: UTF8.self))
            },
            report: { reports.append($0) }
        )
        let status = await runner.run()
        func text(_ stream: ScannerStream) -> String {
            String(decoding: pieces.all.filter { $0.0 == stream }.flatMap(\.1), as: UTF8.self)
        }
        return Run(status: status, output: text(.standardOutput), error: text(.standardError), reports: reports.all)
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
        #expect(gateway.messages.count == 2)
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
        #expect(gateway.messages.count == 102)
        #expect(gateway.messages.last?.contains(#""exitCode":2"#) == true)
        #expect(run.reports.count == 2, "away, and back")
        try await gateway.stop()
    }

    @Test("a gateway that never comes costs no more than the time that was given")
    func absentGateway() async throws {
        let port = ReservedPort()
        let started = ContinuousClock.now
        let run = try await self.run(self.shell("seq 1 20000"), port: port.number, drainTimeout: .seconds(1))
        #expect(run.status == .exited(0))
        #expect(run.output.utf8.count == 108_894)
        #expect(ContinuousClock.now - started < .seconds(8))
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
        let started = ContinuousClock.now
        let run = try await self.run(self.shell("echo a; sleep 20 & exit 0"), port: try await gateway.start())
        #expect(run.status == .exited(0))
        #expect(ContinuousClock.now - started < .seconds(10))
        #expect(gateway.messages.count == 3)
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
            return try await ScanRunner(options: options, report: { reports.append($0) }).run()
        }
        #expect(status == .exited(0))
        #expect(gateway.messages.count == (isTrusted ? 2 : 0))
        #expect(reports.all.contains { $0.contains("not trusted") } != isTrusted)
        try await gateway.stop()
    }

    @Test("a scanner inherits none of our connections")
    func inheritance() async throws {
        let gateway = FakeGateway()
        let port = try await gateway.start()
        // Other tests of this process open sockets at any moment, also while the scanner is being started.
        for _ in 0..<5 {
            let run = try await self.run(self.shell("ls -l /proc/self/fd"), port: port)
            #expect(run.output.contains("pipe:"))
            #expect(!run.output.contains("socket:"))
        }
        try await gateway.stop()
    }

    @Test("a scanner inherits the files that a shell opened for it")
    func shellsFiles() async throws {
        let gateway = FakeGateway()
        let descriptor = unsafe open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        let run = try await self.run(self.shell("ls -l /proc/self/fd"), port: try await gateway.start())
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
