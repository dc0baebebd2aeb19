import Foundation
import NIOCore
import NIOHTTP1
import SluiceBase

/// Connects to a gateway through its proxies, and checks what they do to connections.
///
/// It makes a scan of its own and deletes it again.
package struct LineProbe: Sendable {
    /// Nothing answers as a gateway would.
    private struct NoLine: Error, CustomStringConvertible {
        var description: String
    }

    /// How long an answer may take, and a message that nothing holds up, in seconds.
    private static let patience = 5.0

    private let connection: GatewayConnection
    /// How long lines are held, in seconds.
    private let wait: Double
    private let scanID = "sluice-probe-" + RandomText.make(byteCount: 9)

    package init(_ connection: GatewayConnection, wait: Double) {
        self.connection = connection
        self.wait = wait
    }

    /// Runs all checks.
    ///
    /// - Throws: If nothing answers at all.
    package func run() async throws -> ProbeFacts {
        let address = self.connection.address
        var facts = ProbeFacts(wait: self.wait, isSecure: address.isSecure, authority: address.authority)
        try await self.lookAtProtocols(&facts)
        let (reply, localAddress) = try await self.ask("GET", "/api/probe")
        facts.localAddress = localAddress
        if let reply, reply.status == 200 {
            facts.seen = try? JSONDecoder().decode(ProbeFacts.Seen.self, from: Data(reply.body))
        }
        guard facts.seen != nil else {
            facts.refusal = "/api/probe: " + (reply.map { Self.words($0) } ?? "no answer")
            return facts
        }
        let forged = ["X-Forwarded-For: \(ProbeFacts.forgedAddress)"]
        if let reply = try await self.ask("GET", "/api/probe", fields: forged).reply {
            facts.seenOfForged = try? JSONDecoder().decode(ProbeFacts.Seen.self, from: Data(reply.body)).address
        }
        let page = try await self.ask("GET", "/client.js", fields: ["Accept-Encoding: gzip"]).reply
        facts.isPagePacked = page.map { $0.fields["content-encoding"] == "gzip" }
        try await self.lookAtLines(&facts)
        return facts
    }

    private func lookAtProtocols(_ facts: inout ProbeFacts) async throws {
        let line = try await ProbeLine.open(self.connection, offering: ["h2", "http/1.1"])
        defer { line.close() }
        guard facts.isSecure else {
            return
        }
        let inbox = await line.wait(seconds: Self.patience) { $0.isSecured || $0.isClosed ? $0 : nil }
        guard let inbox, inbox.isSecured else {
            throw NoLine(description: "TLS: \(line.inbox.failure ?? "no answer")")
        }
        facts.protocolName = inbox.protocolName
        if inbox.protocolName == "h2" {
            facts.speaksHTTP2 = await Self.speaksHTTP2(line)
        }
    }

    /// Whether the other end greets as HTTP/2 does, with its settings (RFC 9113, section 3.4).
    private static func speaksHTTP2(_ line: ProbeLine) async -> Bool {
        line.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
        let isGreeted = await line.wait(seconds: Self.patience) { inbox -> Bool? in
            guard inbox.bytes.count >= 9 else { return inbox.isClosed ? false : nil }
            return inbox.bytes[3] == 4
        }
        return isGreeted ?? false
    }

    private func lookAtLines(_ facts: inout ProbeFacts) async throws {
        let begun = try await self.post(1)
        guard begun?.status == 202 else {
            facts.scanRefusal = "posting needs a token with the scope ingest; " + (begun.map { Self.words($0) } ?? "")
            return
        }
        async let socket = self.holdSocket()
        async let stream = self.holdStreams()
        facts.socket = try await socket
        let held = try await stream
        facts.stream = held.stream
        facts.upload = held.upload
        _ = try await self.ask("DELETE", "/api/scans/\(self.scanID)")
    }

    /// A WebSocket, with pings answered, until it ends or the time is over.
    private func holdSocket() async throws -> ProbeFacts.Held {
        let line = try await ProbeLine.open(self.connection, offering: ["http/1.1"])
        defer { line.close() }
        let key = Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
        let scheme = self.connection.address.isSecure ? "https" : "http"
        let fields = [
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "Origin: \(scheme)://\(self.connection.address.authority)",
        ]
        line.send(self.request("GET", "/api/ws/scans/\(self.scanID)", fields))
        guard let reply = await line.wait(seconds: Self.patience, { ProbeReply($0.bytes) }) else {
            return ProbeFacts.Held(status: 0, code: "no answer")
        }
        var held = ProbeFacts.Held(status: reply.status, code: Self.code(reply))
        held.isCompressed = reply.fields["sec-websocket-extensions"]?.contains("permessage-deflate") ?? false
        guard reply.status == 101 else {
            return held
        }
        let begin = ContinuousClock.now
        while held.cutAfter == nil, Self.seconds(since: begin) < self.wait {
            let answered = held.signCount
            let left = self.wait - Self.seconds(since: begin)
            let news: [ProbeFrames.Frame]? = await line.wait(seconds: left) { inbox in
                let frames = ProbeFrames.read(inbox.bytes.dropFirst(reply.headByteCount))
                let pings = frames.filter { $0.opcode == 9 }
                let isOver = inbox.isClosed || frames.contains { $0.opcode == 8 }
                return isOver ? [] : pings.count > answered ? Array(pings[answered...]) : nil
            }
            guard let news else {
                break
            }
            if news.isEmpty {
                held.cutAfter = Self.seconds(since: begin)
            }
            for ping in news {
                line.send(ProbeFrames.pong(ping.payload))
                held.signCount += 1
            }
        }
        return held
    }

    /// An event stream, and an upload beside it that tells whether lines arrive; both without a byte more until they end
    /// or the time is over.
    private func holdStreams() async throws -> (stream: ProbeFacts.Held, upload: ProbeFacts.Held?) {
        let line = try await ProbeLine.open(self.connection, offering: ["http/1.1"])
        defer { line.close() }
        line.send(self.request("GET", "/api/scans/\(self.scanID)/events", ["Accept: text/event-stream"]))
        let reply = await line.wait(seconds: Self.patience) { inbox in
            ProbeReply(inbox.bytes).flatMap { $0.status != 200 || $0.text.contains("event: subscribed") ? $0 : nil }
        }
        var stream = ProbeFacts.Held(status: reply?.status ?? 0)
        guard reply?.status == 200 else {
            stream.isImmediate = reply == nil ? false : nil
            return (stream, nil)
        }
        _ = try await self.post(2)
        stream.isImmediate = await Self.shows(2, line)
        guard stream.isImmediate == true else {
            return (stream, nil)
        }
        let open = try await ProbeLine.open(self.connection, offering: ["http/1.1"])
        defer { open.close() }
        let fields = ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"]
        let message = Self.message(3) + "\n"
        let chunk = String(message.utf8.count, radix: 16) + "\r\n\(message)\r\n"
        open.send(self.request("POST", "/api/scans/\(self.scanID)/progress", fields) + Array(chunk.utf8))
        var upload = ProbeFacts.Held(status: 0)
        upload.isImmediate = await Self.shows(3, line)
        let begin = ContinuousClock.now
        async let uploadEnd = open.wait(seconds: self.wait) { inbox in
            inbox.isClosed || !inbox.bytes.isEmpty ? Self.seconds(since: begin) : nil
        }
        stream.cutAfter = await line.wait(seconds: self.wait) { inbox in
            inbox.isClosed ? Self.seconds(since: begin) : nil
        }
        upload.cutAfter = await uploadEnd
        stream.signCount = ProbeReply(line.inbox.bytes)?.commentCount ?? 0
        return (stream, upload)
    }

    /// Whether a message arrives on an event stream in time.
    private static func shows(_ number: Int, _ line: ProbeLine) async -> Bool {
        await line.wait(seconds: Self.patience) { inbox in
            (ProbeReply(inbox.bytes)?.text.contains("\"probe\":\(number)}") ?? false) ? true : nil
        } ?? false
    }

    private func post(_ number: Int) async throws -> ProbeReply? {
        let message = Self.message(number)
        let fields = ["Content-Type: application/json", "Content-Length: \(message.utf8.count)"]
        return try await self.ask("POST", "/api/scans/\(self.scanID)/progress", fields: fields, body: message).reply
    }

    private static func message(_ number: Int) -> String { #"{"type":"probe","probe":\#(number)}"# }

    /// One request on a line of its own.
    private func ask(
        _ method: String,
        _ path: String,
        fields: [String] = [],
        body: String = ""
    ) async throws -> (reply: ProbeReply?, localAddress: String?) {
        let line = try await ProbeLine.open(self.connection, offering: ["http/1.1"])
        defer { line.close() }
        line.send(self.request(method, path, fields + ["Connection: close"]) + Array(body.utf8))
        _ = await line.wait(seconds: Self.patience) { $0.isClosed ? true : nil }
        return (ProbeReply(line.inbox.bytes), line.localAddress)
    }

    private func request(_ method: String, _ path: String, _ fields: [String]) -> [UInt8] {
        let address = self.connection.address
        let known = self.connection.headers(token: self.connection.credential.current).map { "\($0.name): \($0.value)" }
        let lines = ["\(method) \(address.basePath)\(path) HTTP/1.1", "Host: \(address.authority)"] + known + fields
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> Double {
        let passed = ContinuousClock.now - begin
        return Double(passed.components.seconds) + Double(passed.components.attoseconds) / 1e18
    }

    private static func code(_ reply: ProbeReply) -> String? {
        struct Problem: Decodable {
            var code: String
        }
        return try? JSONDecoder().decode(Problem.self, from: Data(reply.body)).code
    }

    private static func words(_ reply: ProbeReply) -> String {
        "\(reply.status)" + (self.code(reply).map { " \($0)" } ?? "")
    }
}
