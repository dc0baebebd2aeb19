import NIOHTTP1
import Testing

@testable import SluiceClient

@Suite(.timeLimit(.minutes(1))) struct WatcherTests {
    private static let subscribed = #"{"type":"subscribed","scanId":"s","epoch":"e","seq":0,"recovered":true}"#

    private func connection(
        port: Int,
        scheme: String = "http",
        ca: String? = nil,
        insecure: Bool = false
    ) throws -> GatewayConnection {
        try GatewayConnection(
            url: "\(scheme)://127.0.0.1:\(port)",
            token: "secret",
            certificateAuthorityFile: ca,
            skipsVerification: insecure
        )
    }

    /// Watches to the end, and returns the messages' texts too.
    private func watch(_ connection: GatewayConnection) async throws -> (WatchOutcome, messages: [String]) {
        let messages = Collected<String>()
        let watcher = try Watcher(options: WatchOptions(scanID: "s", connection: connection)) { event in
            if case .message(let message) = event { messages.append(String(decoding: message.bytes, as: UTF8.self)) }
        }
        return (await watcher.run(), messages.all)
    }

    @Test("messages come out one by one, a ping is answered, and the scan's end is the end")
    func completed() async throws {
        let gateway = FakeGateway(script: { _ in
            FakeGateway.Script(
                frames: [
                    Self.subscribed, #"{"scanId":"s","seq":1,"type":"a"}"#,
                    #"{"type":"batch","scanId":"s","messages":[{"seq":2,"type":"b"},{"seq":3,"type":"c"}]}"#,
                ],
                closeCode: 1000,
                closeReason: "scan completed",
                pings: true
            )
        })
        let (outcome, messages) = try await self.watch(self.connection(port: try await gateway.start()))
        #expect(outcome == .completed(reason: "scan completed"))
        #expect(
            messages == [#"{"scanId":"s","seq":1,"type":"a"}"#, #"{"seq":2,"type":"b"}"#, #"{"seq":3,"type":"c"}"#]
        )
        let upgrade = try #require(gateway.upgrades.first)
        #expect(upgrade.path == "/api/ws/scans/s")
        #expect(upgrade.headers["Authorization"] == ["Bearer secret"])
        try await gateway.stop()
    }

    @Test("a lost connection is taken up again behind the last message")
    func interrupted() async throws {
        let gateway = FakeGateway(script: { index in
            index == 0
                ? FakeGateway.Script(frames: [Self.subscribed, #"{"scanId":"s","seq":7,"type":"a"}"#], pings: true)
                : FakeGateway.Script(frames: [Self.subscribed], closeCode: 1000)
        })
        let (outcome, messages) = try await self.watch(self.connection(port: try await gateway.start()))
        #expect(outcome == .completed(reason: ""))
        #expect(messages.count == 1)
        #expect(gateway.upgrades.map(\.path) == ["/api/ws/scans/s", "/api/ws/scans/s?since=7&epoch=e"])
        try await gateway.stop()
    }

    @Test("a token that ended is replaced by the one that its file holds by then, behind the last message")
    func renewedToken() async throws {
        try await TokenFile.with("old") { file in
            let gateway = FakeGateway(script: { index in
                if index == 0 { file.write("new") }
                return index == 0
                    ? FakeGateway.Script(
                        frames: [Self.subscribed, #"{"scanId":"s","seq":7,"type":"a"}"#],
                        closeCode: 4401,
                        closeReason: "token expired"
                    ) : FakeGateway.Script(frames: [Self.subscribed], closeCode: 1000)
            })
            let port = try await gateway.start()
            let connection = try GatewayConnection(url: "http://127.0.0.1:\(port)", tokenFile: file.path)
            let (outcome, messages) = try await self.watch(connection)
            #expect(outcome == .completed(reason: ""))
            #expect(messages.count == 1)
            #expect(gateway.upgrades.map(\.path) == ["/api/ws/scans/s", "/api/ws/scans/s?since=7&epoch=e"])
            #expect(gateway.upgrades.map { $0.headers["Authorization"] } == [["Bearer old"], ["Bearer new"]])
            try await gateway.stop()
        }
    }

    @Test("a refused upgrade says why")
    func refused() async throws {
        let gateway = FakeGateway { _, _ in
            FakeGateway.Answer(status: 403, body: #"{"code":"forbidden","detail":"This token may not read the scan."}"#)
        }
        let (outcome, _) = try await self.watch(self.connection(port: try await gateway.start()))
        #expect(outcome == .failed("the gateway refused: HTTP 403 forbidden: This token may not read the scan."))
        try await gateway.stop()
    }

    @Test("a close that says not to come back is a failure in words")
    func noSuchScan() async throws {
        let gateway = FakeGateway(script: { _ in
            FakeGateway.Script(
                frames: [#"{"type":"error","code":"scan_not_found"}"#],
                closeCode: 4404,
                closeReason: "no such scan"
            )
        })
        let (outcome, messages) = try await self.watch(self.connection(port: try await gateway.start()))
        #expect(outcome == .failed("the gateway closed the connection: no such scan (4404)"))
        #expect(messages.count == 1)
        try await gateway.stop()
    }

    @Test(
        "over TLS a certificate is trusted by its authority, or by nobody, or unseen",
        arguments: ["ca", "system", "insecure"]
    )
    func tls(trust: String) async throws {
        let gateway = FakeGateway(script: { _ in FakeGateway.Script(frames: [Self.subscribed], closeCode: 1000) })
        let port = try await gateway.start(tls: try TestCertificate.serverContext())
        let outcome = try await TestCertificate.withFile { file in
            try await self.watch(
                self.connection(
                    port: port,
                    scheme: "https",
                    ca: trust == "ca" ? file : nil,
                    insecure: trust == "insecure"
                )
            ).0
        }
        if trust == "system" {
            guard case .failed(let words) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(words.contains("not trusted"))
        } else {
            #expect(outcome == .completed(reason: ""))
        }
        try await gateway.stop()
    }

    @Test("a cancelled watcher says goodbye and returns")
    func cancelled() async throws {
        let gateway = FakeGateway(script: { _ in FakeGateway.Script(frames: [Self.subscribed], closeReason: "stay") })
        let connection = try self.connection(port: try await gateway.start())
        let watching = Task { try await self.watch(connection).0 }
        #expect(await eventually { gateway.upgrades.count == 1 })
        try await Task.sleep(for: .milliseconds(100))
        watching.cancel()
        #expect(try await watching.value == .completed(reason: "stopped"))
        try await gateway.stop()
    }

    @Test("a certificate file that holds none is refused before anything is sent")
    func unusableCertificates() {
        #expect(throws: ClientError.self) {
            try GatewayConnection(url: "https://h", token: nil, certificateAuthorityFile: "/dev/null")
        }
        #expect(throws: ClientError.self) {
            try GatewayConnection(url: "https://h", token: nil, certificateAuthorityFile: "/nonexistent")
        }
    }
}
