import NIOCore
import SluiceBase
import SluiceRelay
import Testing

@testable import SluiceEngine

struct NATSParserTests {
    private static let stream =
        "INFO {\"version\":\"2.11.0\",\"max_payload\":1048576,\"jetstream\":true}\r\nPING\r\n+OK\r\n"
        + "MSG a.b 7 5\r\nhello\r\nMSG a.b 7 _INBOX.x.1 0\r\n\r\n"
        + "HMSG a.c 8 27 32\r\nNATS/1.0\r\nOne: 1\r\nT:  x\r\n\r\nworld\r\n"
        + "HMSG _INBOX.x.2 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nPONG\r\n-ERR 'Permissions'\r\n"

    private func read(_ bytes: String, inPiecesOf size: Int) throws -> [String] {
        var parser = NATSParser()
        var rest = ByteBuffer(string: bytes)
        var found: [String] = []
        while rest.readableBytes > 0, var piece = rest.readSlice(length: min(size, rest.readableBytes)) {
            parser.receive(&piece)
            while let operation = try parser.next() {
                found.append(Self.text(operation))
            }
        }
        return found
    }

    private static func text(_ operation: NATSOperation) -> String {
        switch operation {
        case .info(let json): "info \(ServerInfo(json)?.version ?? "none")"
        case .ping: "ping"
        case .pong: "pong"
        case .ok: "ok"
        case .error(let text): "error \(text)"
        case .message(let message):
            "\(message.subject) \(message.subscription) \(message.reply ?? "-") \(message.status ?? 0) "
                + message.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                + " \(String(buffer: message.payload))"
        }
    }

    @Test(arguments: [1, 2, 3, 7, 64, 4096])
    func operationsAreTheSameInWhateverPiecesTheyCome(size: Int) throws {
        let found = try self.read(Self.stream, inPiecesOf: size)
        #expect(
            found == [
                "info 2.11.0", "ping", "ok", "a.b 7 - 0  hello", "a.b 7 _INBOX.x.1 0  ", "a.c 8 - 0 One=1,T=x world",
                "_INBOX.x.2 1 - 503  ", "pong", "error 'Permissions'",
            ]
        )
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "MSG a\r\n", "MSG a 1 -5\r\n", "HMSG a 1 9 5\r\n", "MSG a 1 x\r\n",
    ])
    func whatIsNoServerIsRefused(line: String) {
        #expect(throws: NATSParser.Fault.self) { try self.read(line, inPiecesOf: 4096) }
    }

    @Test(
        arguments: [
            ("NATS/1.0\r\nA: 1\r\nB:2\r\n\r\n", "A=1,B=2", nil),
            ("NATS/1.0\r\nA:  a:b c \r\n\r\n", "A=a:b c ", nil),
            ("NATS/1.0\r\nA: x\ry\r\n\r\n", "A=x\ry", nil),
            ("NATS/1.0\r\nA: x\r\r\n\r\n", "A=x\r", nil),
            ("NATS/1.0\r\n\r\nA:\r\n:b", "A=,=b", nil),
            ("NATS/1.0 404 No Messages\r\n\r\n", "", 404),
            ("NATS/1.0 503\r\n\r\n", "", 503),
            ("NATS/1.0 x\r\n\r\n", "", nil),
            ("NATS/1.0", "", nil),
        ] as [(String, String, Int?)]
    )
    func headersAreRead(text: String, fields: String, status: Int?) throws {
        let (headers, found) = try NATSParser.headers(ByteBuffer(string: text))
        #expect(headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ",") == fields)
        #expect(found == status)
    }

    @Test(arguments: ["", "\r\n", "HTTP/1.1\r\n", "NATS/1.0\r\nA\r\n", "NATS/1.0\r\n\r\r\n"])
    func whatAreNoHeadersIsRefused(text: String) {
        #expect(throws: NATSParser.Fault.self) { try NATSParser.headers(ByteBuffer(string: text)) }
    }

    @Test
    func headersThatAreNoTextAreRead() throws {
        let bytes = Array("NATS/1.0\r\nA: ".utf8) + [0xFF, 0x0D, 0x0A]
        let (headers, _) = try NATSParser.headers(ByteBuffer(bytes: bytes))
        #expect(headers["A"] == "\u{FFFD}")
    }

    @Test(arguments: [
        "HMSG a 1 9 9223372036854775808\r\n", "MSG a 1 2 3 4\r\n", "HMSG a 1 r 5\r\n",
    ])
    func numbersOfAMessageFit(line: String) {
        #expect(throws: NATSParser.Fault.self) { try self.read(line, inPiecesOf: 4096) }
    }

    @Test
    func linesAndPayloadsHaveBounds() {
        #expect(throws: NATSParser.Fault.lineTooLong) {
            try self.read(String(repeating: "x", count: 300_000), inPiecesOf: 4096)
        }
        #expect(throws: NATSParser.Fault.payloadTooLong) { try self.read("MSG a 1 99999999999\r\n", inPiecesOf: 4096) }
    }

    @Test
    func whatIsWrittenIsRead() throws {
        var buffer = ByteBuffer()
        let isWritten = NATSWriter.publish(
            "sl.log.0.a",
            reply: "r",
            headers: MessageHeaders(["Sl": "1 m"]),
            payload: ByteBuffer(string: "xy"),
            into: &buffer
        )
        #expect(isWritten)
        #expect(String(buffer: buffer) == "HPUB sl.log.0.a r 21 23\r\nNATS/1.0\r\nSl: 1 m\r\n\r\nxy\r\n")
    }

    @Test(arguments: ["", "a b", "a\r\nPUB x 0", "a\nb", "a\tb", "a\u{0}", "a\u{7F}"])
    func whatWouldBeAnotherCommandIsNotWritten(text: String) {
        var buffer = ByteBuffer()
        let publish = { (subject: String, reply: String?, headers: MessageHeaders) in
            NATSWriter.publish(subject, reply: reply, headers: headers, payload: ByteBuffer(), into: &buffer)
        }
        #expect(!publish(text, nil, MessageHeaders()))
        #expect(!publish("a", text, MessageHeaders()))
        #expect(!publish("a", nil, MessageHeaders([text: "x"])))
        #expect(!publish("a", nil, MessageHeaders(["a:b": "x"])))
        let isValue = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        #expect(publish("a", nil, MessageHeaders(["a": text])) == isValue)
        buffer.clear()
        #expect(!NATSWriter.subscribe(text, 1, into: &buffer) && buffer.readableBytes == 0)
    }

    @Test
    func nothingIsSaidWithoutTLSWhereThatIsRequired() throws {
        let info = { (fields: String) in ServerInfo(ByteBuffer(string: #"{"version":"2.11.0"\#(fields)}"#)) }
        let plain = try #require(info(""))
        let required = try #require(info(#","tls_required":true"#))
        let available = try #require(info(#","tls_available":true"#))
        #expect([plain, required, available].map { $0.speaksTLS(isRequired: false) } == [false, true, false])
        #expect([plain, required, available].map { $0.speaksTLS(isRequired: true) } == [nil, true, true])
    }

    @Test
    func aNodeWhoseNamesCannotStandInLinesIsNotHeard() throws {
        let node = { (instance: String, name: String, version: String) in
            EngineNode(name: name, instance: instance, version: version, load: EngineLoad(), since: 1)
        }
        let heard = { (node: EngineNode) in JetStream.json(node.json()).flatMap { EngineNode($0) } }
        #expect(heard(node("a1-", "gateway-1", "1.0.0")) == node("a1-", "gateway-1", "1.0.0"))
        for odd in ["", "a\r\nb", "a b", "é", String(repeating: "a", count: 257)] {
            #expect(heard(node(odd, "a", "1")) == nil)
            #expect(heard(node("a", odd, "1")) == nil)
            #expect(heard(node("a", "a", odd)) == nil)
        }
        #expect(heard(node("a.b", "a", "1")) == nil && heard(node("A", "a", "1")) == nil)
    }

    @Test(arguments: [
        ("nats://a:1", "nats://a:1"), ("tls://host", "tls://host:4222"), ("nats://[::1]:5/", "nats://[::1]:5"),
    ])
    func addressesAreRead(text: String, address: String) {
        #expect(ServerAddress(text)?.description == address)
    }

    @Test(arguments: ["a:4222", "http://a", "nats://", "nats://a:0", "nats://a:70000", "nats://u:p@a", "nats://a/b"])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(ServerAddress(text) == nil)
    }

    @Test
    func aSeedIsCheckedByItsSum() {
        // From the description of NKeys.
        let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
        #expect(NATSCredentials.seed(seed)?.count == 32)
        #expect(NATSCredentials.seed(String(seed.dropLast()) + "A") == nil)
        #expect(NATSCredentials.seed("SU") == nil)
    }
}
