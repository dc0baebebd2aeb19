import NIOCore
import SluiceBase
import SluiceEngine
import SluiceRelay
import Testing

struct RecordFormTests {
    private func message(_ text: String, marks: UInt8 = 1, progress: MessageProgress? = nil) throws -> Message {
        try #require(
            Message(
                stored: ByteBuffer(string: text),
                type: "finding",
                marks: marks,
                key: nil,
                severity: "high",
                progress: progress
            )
        )
    }

    @Test(arguments: 0..<4)
    func aTextThatIsTooLongIsCutBetweenCharacters(offset: Int) throws {
        let text = String(repeating: "x", count: offset) + String(repeating: "\u{1F600}", count: 20_000)
        var records = try self.records()
        records[0].messages[1] = try self.message(
            "\"b\":2}",
            marks: 0,
            progress: MessageProgress(phase: nil, percent: nil, text: text)
        )
        let read = try #require(RecordForm.records(RecordForm.bytes(records), self.head(), at: 55))
        let kept = try #require(read[0].messages[1].progress?.text)
        #expect(text.hasPrefix(kept) && (65_532...65_535).contains(kept.utf8.count))
    }

    @Test
    func thatAScanHasEndedIsSeenWithoutReadingItsHeaders() {
        var head = self.head()
        for end in [ScanEnd.completed, .idle, .deleted] {
            head.kind = .end(end)
            #expect(RecordHead.isEnd(head.headers))
        }
        let others = [
            RecordHead.Kind.messages, .signOfLife, .names, .carry(RecordHead.Part(index: 1, count: 2)),
        ]
        for kind in others {
            head.kind = kind
            #expect(!RecordHead.isEnd(head.headers))
        }
        #expect(!RecordHead.isEnd(MessageHeaders()) && !RecordHead.isEnd(MessageHeaders(["Sl": "2 x e"])))
    }

    private func records() throws -> [LogRecord] {
        var standing = ScanStanding(epoch: "e1", place: 40, head: 7, messageCount: 7, owner: "a b%é")
        var first = LogRecord(after: standing, place: 0)
        first.messages = [
            try self.message("\"a\":1}"),
            try self.message(
                "\"b\":2}",
                marks: 0,
                progress: MessageProgress(phase: "ports", percent: 12.5, text: "no")
            ),
        ]
        first.messageCount += 2
        first.at = WallTime(milliseconds: 1234)
        first.isHeard = true
        first.answer = LogRecord.Answer(
            request: IngestRequest.Idempotency(key: "k", digest: [1, 2, 3]),
            receipt: IngestReceipt(acceptedCount: 2, seqs: 8...9)
        )
        standing.head = 9
        standing.messageCount = 9
        var second = LogRecord(after: standing, place: 0)
        second.name = "Über: alles"
        second.at = WallTime(milliseconds: 1235)
        return [first, second]
    }

    private func head() -> RecordHead {
        var head = RecordHead(
            kind: .messages,
            epoch: "e1",
            prev: 40,
            first: 8,
            count: 2,
            messageCount: 9,
            id: "n1-0-a",
            base: 12,
            times: ScanTimes(created: WallTime(milliseconds: 5), heard: WallTime(milliseconds: 6))
        )
        head.owner = "a b%é\r\nX: y"
        head.scanName = "Über: alles"
        return head
    }

    @Test
    func whatRequestsDidIsReadAsItWasWritten() throws {
        let records = try self.records()
        let bytes = RecordForm.bytes(records)
        #expect(bytes.readableBytes <= records.reduce(16) { $0 + RecordForm.byteCount(of: $1) })
        let read = try #require(RecordForm.records(bytes, self.head(), at: 55))
        #expect(read.map(\.prev) == [40, 55] && read.map(\.place) == [55, 55])
        #expect(read.map(\.first) == [8, 10] && read.map(\.messageCount) == [9, 9])
        #expect(read.map(\.owner) == ["a b%é", "a b%é"] && read.map(\.name) == [nil, "Über: alles"])
        #expect(read.map(\.at?.milliseconds) == [1234, 1235] && read.map(\.isHeard) == [true, false])
        #expect(read[0].answer == records[0].answer && read[1].answer == nil)
        let messages = read[0].messages
        #expect(messages.map { String(buffer: $0.body) } == ["\"a\":1}", "\"b\":2}"])
        #expect(messages.map(\.storedMarks) == [1, 0] && messages.map(\.severity) == ["high", "high"])
        #expect(messages[0].progress == nil && messages[1].progress?.phase == "ports")
        #expect(messages[1].progress?.percent == 12.5 && messages[1].progress?.text == "no")
    }

    @Test
    func whatIsCutOrOfAnotherVersionIsNone() throws {
        let bytes = RecordForm.bytes(try self.records())
        for count in 0..<bytes.readableBytes {
            let cut = try #require(bytes.getSlice(at: bytes.readerIndex, length: count))
            #expect(RecordForm.records(cut, self.head(), at: 55) == nil, "\(count) bytes")
        }
        var other = bytes
        other.setInteger(UInt8(2), at: other.readerIndex)
        #expect(RecordForm.records(other, self.head(), at: 55) == nil)
        var head = self.head()
        head.count = 3
        #expect(RecordForm.records(bytes, head, at: 55) == nil)
    }

    @Test
    func headsAreReadAsTheyWereWritten() throws {
        let kinds: [RecordHead.Kind] = [
            .messages, .signOfLife, .names, .carry(RecordHead.Part(index: 2, count: 9)), .end(.completed), .end(.idle),
            .end(.deleted),
        ]
        for kind in kinds {
            var head = self.head()
            head.kind = kind
            let headers = head.headers
            #expect(headers.fields.allSatisfy { !$0.value.contains { $0.isNewline } })
            #expect(try RecordHead(headers, at: 55) == head)
        }
    }

    @Test
    func headsOfAnotherVersionAreToldApartFromDamagedOnes() {
        var headers = self.head().headers
        headers["Sl"] = headers["Sl"].map { "2" + $0.dropFirst() }
        #expect(throws: RecordHead.Fault.version("2")) { try RecordHead(headers, at: 55) }
        headers["Sl"] = "1 m e1 x 1 1 1 id 0 0 0 0 -"
        #expect(throws: RecordHead.Fault.malformed) { try RecordHead(headers, at: 55) }
        #expect(throws: RecordHead.Fault.malformed) { try RecordHead(MessageHeaders(), at: 55) }
    }

    /// What a damaged or hostile record says where a number stands in the line of a head.
    @Test(arguments: [
        (3, "55"), (3, "18446744073709551615"), (4, "0"), (5, "-1"), (5, "9223372036854775807"), (6, "1"),
        (6, "9223372036854775807"), (8, "55"), (9, "-9223372036854775808"), (9, "9223372036854775807"), (10, "-1"),
        (11, "9007199254740993"), (12, "1/2"),
    ])
    func headsThatSayWhatCannotBeAreMalformed(index: Int, word: String) throws {
        var headers = self.head().headers
        var words = try #require(headers["Sl"]).split(separator: " ").map(String.init)
        words[index] = word
        headers["Sl"] = words.joined(separator: " ")
        #expect(throws: RecordHead.Fault.malformed) { try RecordHead(headers, at: 55) }
    }

    @Test(arguments: [0, UInt64(Int64.max), .max])
    func sequencesThatNoStreamGivesAreMalformed(sequence: UInt64) {
        #expect(throws: RecordHead.Fault.malformed) { try RecordHead(self.head().headers, at: sequence) }
    }

    @Test(arguments: [Int64.min, -1, .max])
    func timesThatNoGatewayWritesAreDamage(time: Int64) throws {
        var bytes = RecordForm.bytes(try self.records())
        bytes.setInteger(time, at: bytes.readerIndex + 4)
        #expect(RecordForm.records(bytes, self.head(), at: 55) == nil)
    }

    @Test
    func aCarryRepeatsWhatIsNotOrdinary() throws {
        let standing = ScanStanding(epoch: "e1", place: 40, head: 7, messageCount: 7, owner: "o", name: "n")
        let messages = [try self.message("\"a\":1}", marks: 0), try self.message("\"b\":1}", marks: 1)]
        let entries = messages.enumerated()
            .map { index, message in
                LogEntry(seq: Seq(clamping: index + 1), at: WallTime(milliseconds: 9), message: message)
            }
        let image = ScanImage(
            standing: standing,
            tail: StoredTail(entries: entries, evictedThrough: 0, counts: ["finding": 7]),
            fold: ScanFold(startedAt: WallTime(milliseconds: 3)),
            answers: [
                StoredAnswer(
                    request: IngestRequest.Idempotency(key: "k", digest: [9]),
                    receipt: IngestReceipt(acceptedCount: 1, seqs: 2...2),
                    age: .seconds(5)
                )
            ],
            times: ScanTimes(created: WallTime(milliseconds: 1), heard: WallTime(milliseconds: 2))
        )
        let marks = [ImageForm.Mark(first: 1, sequence: 4)]
        let bytes = ImageForm.bytes(image, marks: marks, now: WallTime(milliseconds: 100_000))
        let read = try #require(ImageForm.image(bytes, at: 40, now: WallTime(milliseconds: 160_000)))
        #expect(read.image.standing == standing && read.marks == marks && read.image.times == image.times)
        #expect(read.image.tail.entries.map(\.seq) == [1] && read.image.tail.evictedThrough == 7)
        #expect(read.image.tail.counts == ["finding": 7] && read.image.fold.startedAt?.milliseconds == 3)
        #expect(read.image.answers.map(\.age) == [.seconds(65)])
        for count in 0..<bytes.readableBytes {
            let cut = try #require(bytes.getSlice(at: bytes.readerIndex, length: count))
            #expect(ImageForm.image(cut, at: 40, now: WallTime(milliseconds: 0)) == nil, "\(count) bytes")
        }
        // A mark at no record, a message behind the newest one, a time before 1970.
        let last = bytes.writerIndex - 8
        for (place, number) in [(last, UInt64(0)), (5, 0), (5, .max), (13, .max), (29, .max), (37, .max)] {
            var other = bytes
            other.setInteger(number, at: place)
            #expect(ImageForm.image(other, at: 40, now: WallTime(milliseconds: 0)) == nil, "\(place)")
        }
    }

    @Test(arguments: [("scan-1", "scan-1"), ("a.b", "a%2Eb"), ("~x.", "~x%2E")])
    func aScansNameIsOneToken(name: String, token: String) throws {
        let id = try #require(ScanID(name))
        let subjects = Subjects(name: "sl", shardCount: 6)
        #expect(Subjects.token(id) == token)
        let shard = subjects.shard(of: id)
        #expect(subjects.log(id) == "sl.log.\(shard).\(token)" && subjects.live(id) == "sl.live.\(shard).\(token)")
        #expect(Subjects.scan(ofSubject: subjects.log(id)) == id)
    }

    @Test
    func shardsAreThoseOfTheStandardsHash() throws {
        let subjects = Subjects(name: "sl", shardCount: 1000)
        #expect(subjects.shard(of: try #require(ScanID("scan-1"))) == 290)
        #expect(subjects.shard(of: try #require(ScanID("a.b"))) == 4)
        #expect(!Subjects.isAllowed("Sl") && !Subjects.isAllowed("a.b") && !Subjects.isAllowed(""))
    }
}
