import NIOCore
import SluiceBase
import SluiceWire
import Testing

@testable import SluiceRelay

@Suite("Frames, byte for byte")
struct FrameEncoderTests {
    private static let entries = [
        LogEntry(
            seq: 41,
            at: TestMessage.time,
            message: TestMessage.ordinary("hostDiscovered", "\"ip\": \"10.0.0.1\"")
        ),
        LogEntry(
            seq: 42,
            at: TestMessage.time,
            message: TestMessage.make("x", .ordinary, "\"scanId\":\"abc-123\"", carriesScanID: true)
        ),
    ]

    private static func encoder(_ form: WireForm) throws -> FrameEncoder {
        FrameEncoder(form: form, scanID: try #require(ScanID("abc-123")), epoch: "k3v9")
    }

    private static func encode(
        _ form: WireForm,
        _ entries: ArraySlice<LogEntry>,
        isBatched: Bool = true
    ) throws -> (count: Int, bytes: [UInt8]) {
        var buffer = ByteBuffer()
        let count = try Self.encoder(form).encode(.messages(entries), isBatched: isBatched, into: &buffer)
        return (count, Array(buffer.readableBytesView))
    }

    private static func frame(_ text: String) -> [UInt8] {
        [0x81, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    @Test("One message is spliced after scanId and seq, its bytes untouched")
    func single() throws {
        let frame = try Self.encode(.webSocket(.plain), Self.entries[..<1])
        let text = "{\"scanId\":\"abc-123\",\"seq\":41,\"type\":\"hostDiscovered\",\"ip\": \"10.0.0.1\"}"
        #expect(frame.bytes == Self.frame(text))
        #expect(frame.count == 1)
    }

    @Test("A message that brings its scanId gets no second one")
    func carriesScanID() throws {
        let frame = try Self.encode(.webSocket(.plain), Self.entries[1...])
        #expect(frame.bytes == Self.frame("{\"seq\":42,\"type\":\"x\",\"scanId\":\"abc-123\"}"))
    }

    @Test("Several messages are a batch, which has the scanId outside")
    func batch() throws {
        let frame = try Self.encode(.webSocket(.plain), Self.entries[...])
        let text =
            "{\"type\":\"batch\",\"scanId\":\"abc-123\",\"messages\":["
            + "{\"seq\":41,\"type\":\"hostDiscovered\",\"ip\": \"10.0.0.1\"},"
            + "{\"seq\":42,\"type\":\"x\",\"scanId\":\"abc-123\"}]}"
        #expect(Array(frame.bytes.dropFirst(4)) == Array(text.utf8))
        #expect(frame.bytes.prefix(4) == [0x81, 126, 0, UInt8(text.utf8.count)])
        #expect(try FrameText(scanID: #require(ScanID("abc-123"))).byteCount(of: Self.entries[...]) == text.utf8.count)
    }

    @Test("With times a frame ends with when its messages came, in their order, also as an event")
    func times() throws {
        let time = TestMessage.time.milliseconds
        var form = WireForm.webSocket(.plain)
        form.hasTimes = true
        var reader = FrameReader(form: form)
        let single = String(
            decoding: try reader.readTexts(Self.encode(form, Self.entries[..<1]).bytes)[0],
            as: UTF8.self
        )
        #expect(single.hasSuffix("\"ip\": \"10.0.0.1\",\"times\":[\(time)]}"))
        let batch = String(decoding: try reader.readTexts(Self.encode(form, Self.entries[...]).bytes)[0], as: UTF8.self)
        #expect(batch.hasSuffix("\"scanId\":\"abc-123\"}],\"times\":[\(time),\(time)]}"))
        var event = WireForm.eventStream(isChunked: false)
        event.hasTimes = true
        let events = String(decoding: try Self.encode(event, Self.entries[1...]).bytes, as: UTF8.self)
        #expect(events.hasSuffix("\"scanId\":\"abc-123\",\"times\":[\(time)]}\n\n"))
    }

    @Test("Without batches each message is a frame")
    func unbatched() throws {
        let frames = try Self.encode(.webSocket(.plain), Self.entries[...], isBatched: false)
        #expect(frames.count == 2)
        var reader = FrameReader(form: .webSocket(.plain))
        #expect(try reader.read(frames.bytes).count == 2)
    }

    @Test("Seqs are written in decimal, whatever their length", arguments: [1, 9, 10, 99, 100, 12_345, .max] as [Seq])
    func seqs(seq: Seq) throws {
        let text = FrameText(scanID: try #require(ScanID("s")))
        let entries = [LogEntry(seq: seq, at: TestMessage.time, message: TestMessage.ordinary("t", "\"n\":1"))]
        var buffer = ByteBuffer()
        text.write(entries[...], into: &buffer)
        #expect(String(buffer: buffer) == "{\"scanId\":\"s\",\"seq\":\(seq),\"type\":\"t\",\"n\":1}")
        #expect(text.byteCount(of: entries[...]) == buffer.readableBytes)
    }

    @Test("Texts over the threshold go as binary frames of one gzip member, others as text")
    func gzip() throws {
        let long = LogEntry(
            seq: 1,
            at: TestMessage.time,
            message: TestMessage.ordinary("t", "\"a\":\"\(String(repeating: "x", count: 999))\"")
        )
        let form = WireForm.webSocket(.gzip(minimumBytes: 1000, level: 6))
        let frame = try Self.encode(form, [long])
        #expect(frame.bytes.prefix(1) == [0x82])
        var reader = FrameReader(form: form)
        let plain = try Self.encode(.webSocket(.plain), [long])
        var plainReader = FrameReader(form: .webSocket(.plain))
        #expect(try reader.read(frame.bytes) == plainReader.read(plain.bytes))
        #expect(try Self.encode(form, Self.entries[...]).bytes.prefix(1) == [0x81])
    }

    @Test("A message is an event with id, type and data; a line break in the message starts another data line")
    func eventStream() throws {
        let entry = LogEntry(seq: 7, at: TestMessage.time, message: TestMessage.ordinary("t", "\r\n\"a\":\n1"))
        let events = try Self.encode(.eventStream(isChunked: false), [entry])
        let text =
            "id: k3v9:7\nevent: t\ndata: {\"scanId\":\"abc-123\",\"seq\":7,\"type\":\"t\",\ndata: \"a\":\ndata: 1}\n\n"
        #expect(String(decoding: events.bytes, as: UTF8.self) == text)
    }

    @Test("Where names are not wanted an event has none, notices neither")
    func unnamedEvents() throws {
        let form = WireForm.eventStream(isChunked: false, isNamed: false)
        let entry = LogEntry(seq: 7, at: TestMessage.time, message: TestMessage.ordinary("error", "\"a\":1"))
        var events = ByteBuffer(bytes: try Self.encode(form, [entry]).bytes)
        try Self.encoder(form).encode(.resumed, into: &events)
        let text =
            "id: k3v9:7\ndata: {\"scanId\":\"abc-123\",\"seq\":7,\"type\":\"error\",\"a\":1}\n\n"
            + "data: {\"type\":\"scanResumed\",\"scanId\":\"abc-123\"}\n\n"
        #expect(String(buffer: events) == text)
    }

    @Test("Events of one write share a chunk, where the answer has chunks")
    func chunked() throws {
        let plain = try Self.encode(.eventStream(isChunked: false), Self.entries[...])
        let chunked = try Self.encode(.eventStream(isChunked: true), Self.entries[...])
        let head = "\(String(plain.bytes.count, radix: 16))\r\n"
        #expect(chunked.bytes == Array(head.utf8) + plain.bytes + Array("\r\n".utf8))
        var comment = ByteBuffer()
        EventText.writeComment("alive", isChunked: true, into: &comment)
        #expect(String(buffer: comment) == "9\r\n: alive\n\n\r\n")
        var retry = ByteBuffer()
        EventText.writeRetry(milliseconds: 1500, isChunked: true, into: &retry)
        #expect(String(buffer: retry) == "d\r\nretry: 1500\n\n\r\n")
    }

    @Test("The gateway's own frames have the shapes that clients know")
    func notices() throws {
        let scanID = try #require(ScanID("abc-123"))
        let subscribed = Notice.subscribed(epoch: "k3v9", seq: 40, recovered: true, framesPerSecond: 2.5, id: "7")
        #expect(
            subscribed.text(scanID: scanID)
                == "{\"type\":\"subscribed\",\"scanId\":\"abc-123\",\"epoch\":\"k3v9\",\"seq\":40,\"recovered\":true"
                + ",\"rate\":2.5,\"id\":7}"
        )
        let lag = Notice.lag(LagNotice(skippedCount: 15, since: 27, reason: .slowClient))
        #expect(
            lag.text(scanID: scanID)
                == "{\"type\":\"lag\",\"skippedMessages\":15,\"scanId\":\"abc-123\",\"since\":27,"
                + "\"reason\":\"slow_client\"}"
        )
        #expect(
            Notice.stalled(silentFor: 60).text(scanID: scanID)
                == "{\"type\":\"scanStalled\",\"scanId\":\"abc-123\",\"silentFor\":60}"
        )
        #expect(Notice.resumed.text(scanID: scanID) == "{\"type\":\"scanResumed\",\"scanId\":\"abc-123\"}")
        #expect(
            Notice.scanNotFound(id: nil).text(scanID: scanID)
                == "{\"type\":\"error\",\"message\":\"Scan channel not found\",\"scanId\":\"abc-123\","
                + "\"code\":\"scan_not_found\"}"
        )
        #expect(Notice.number(10) == "10" && Notice.number(0.5) == "0.5")
    }
}
