import NIOCore
import SluiceBase
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("What is known of a scan out of all its messages")
struct ScanFoldTests {
    private static func fold(
        _ lines: [String],
        configuration: RelayConfiguration = RelayConfiguration()
    ) throws -> ScanFold {
        let parser = MessageFixtures.parser(configuration)
        var fold = ScanFold()
        for (index, line) in lines.enumerated() {
            let message = try #require(try parser.parseLine(ByteBuffer(string: line)))
            fold.note(message, at: WallTime(milliseconds: 1000 + Int64(index)))
        }
        return fold
    }

    @Test("Types, severities and times are counted as they come")
    func counts() throws {
        let fold = try Self.fold([
            #"{"type":"scanStarted"}"#, #"{"type":"found","severity":"High"}"#, #"{"severity":"HIGH","type":"found"}"#,
            #"{"type":"found","sever\u0069ty":"l\u006fw"}"#, #"{"type":"found","severity":7}"#,
            #"{"type":"found","info":{"severity":"high"}}"#, #"{"type":"found","severity":"low","severity":"ÄRG"}"#,
        ])
        #expect(fold.counts == ["scanStarted": 1, "found": 6])
        #expect(fold.severities == ["high": 2, "low": 1, "ärg": 1])
        #expect(fold.startedAt == WallTime(milliseconds: 1000))
        #expect(fold.lastMessageAt == WallTime(milliseconds: 1006))
    }

    @Test("Distinct types are bounded in number and in bytes, and what is beyond is counted together")
    func typeBounds() {
        var many = ScanFold()
        for number in 0..<(ScanFold.maximumTypes + 5) {
            many.note(TestMessage.ordinary("t\(number)"), at: TestMessage.time)
        }
        many.note(TestMessage.ordinary("t1"), at: TestMessage.time)
        #expect(many.counts.count == ScanFold.maximumTypes + 1)
        #expect(many.counts[ScanFold.other] == 5)
        #expect(many.counts["t1"] == 2)

        var long = ScanFold()
        for number in 0..<1000 {
            long.note(TestMessage.ordinary(String(repeating: "😀", count: 120) + "\(number)"), at: TestMessage.time)
        }
        #expect(
            long.counts.keys.reduce(0) { $0 + $1.utf8.count } <= ScanFold.maximumTypeBytes + ScanFold.other.utf8.count
        )
        #expect(long.counts.values.reduce(0, +) == 1000)
    }

    @Test("Distinct severities are bounded, and what is beyond is counted together; one that is too long is none")
    func severityBounds() throws {
        let fold = try Self.fold(
            (0..<40).map { #"{"type":"t","severity":"s\#($0)"}"# }
                + [#"{"type":"t","severity":""# + String(repeating: "x", count: 65) + #""}"#]
        )
        #expect(fold.severities.count == ScanFold.maximumSeverities + 1)
        #expect(fold.severities[ScanFold.other] == 8)
    }

    @Test(
        "The phase is the newest one named, the percentage the newest one said in it",
        arguments: [
            ([], nil, nil),
            ([#"{"type":"phaseStarted","phase":"ports"}"#], "ports", nil),
            (
                [
                    #"{"type":"phaseStarted","phase":"ports"}"#,
                    #"{"type":"scanProgress","phase":"ports","percent":40}"#,
                ],
                "ports", 40
            ),
            (
                [#"{"type":"scanProgress","phase":"ports","percent":99.5}"#, #"{"type":"phaseStarted","phase":"os"}"#],
                "os", nil
            ),
            ([#"{"type":"progress","percent":7}"#], nil, 7),
            ([#"{"type":"phaseStarted","phase":"os"}"#, #"{"type":"progress","percent":7}"#], "os", 7),
            ([#"{"type":"phaseStarted","phase":3}"#, #"{"type":"progress","percent":"7"}"#], nil, nil),
            ([#"{"type":"progress","phase":"os","percent":7}"#, #"{"type":"scanStarted"}"#], nil, nil),
            ([#"{"type":"progress","phase":"os"}"#, #"{"type":"found","phase":"x","percent":1}"#], "os", nil),
            ([#"{"type":"progress","percent":1e300}"#], nil, 100),
            ([#"{"type":"progress","percent":1e999}"#], nil, 100),
            ([#"{"type":"progress","percent":-1e999}"#], nil, 0),
            ([#"{"type":"progress","percent":-0.0}"#], nil, 0),
            ([#"{"type":"progress","percent":1e-999}"#], nil, 0),
            ([#"{"type":"progress","percent":"nan"}"#], nil, nil),
            ([#"{"type":"progress","percent":null}"#], nil, nil),
            ([#"{"type":"progress","percent":5}"#, #"{"type":"progress","percent":["x"]}"#], nil, 5),
            ([#"{"type":"progress","percent":5,"percent":6}"#], nil, 6),
        ] as [([String], String?, Double?)]
    )
    func progress(_ lines: [String], _ phase: String?, _ percent: Double?) throws {
        let fold = try Self.fold(lines)
        #expect(fold.phase == phase)
        #expect(fold.percent == percent)
        #expect(fold.ending == nil)
    }

    @Test("A percentage of 100, and a phase of any name, end nothing")
    func progressEndsNothing() throws {
        let fold = try Self.fold([#"{"type":"progress","phase":"scanCompleted","percent":100}"#])
        #expect(fold.ending == nil)
    }

    @Test("A long phase and a long text are cut, between characters")
    func longTexts() throws {
        let long = String(repeating: "é", count: 300)
        let fold = try Self.fold([
            #"{"type":"progress","phase":"x\#(long)"}"#, #"{"type":"error","message":"x\#(long)"}"#,
        ])
        #expect(fold.phase == "x" + String(repeating: "é", count: 63))
        #expect(fold.ending == .failed(text: "x" + String(repeating: "é", count: 255)))
    }

    @Test(
        "How a scan ended, its newest messages say",
        arguments: [
            ([#"{"type":"scanCompleted"}"#], .completed),
            ([#"{"type":"error","message":"no route"}"#], .failed(text: "no route")),
            ([#"{"type":"error","error":"no route"}"#], .failed(text: "no route")),
            ([#"{"type":"error","error":"second","message":"first"}"#], .failed(text: "first")),
            ([#"{"type":"error","message":{"a":1}}"#], .failed(text: nil)),
            ([#"{"type":"error"}"#, #"{"type":"found"}"#], nil),
            ([#"{"type":"scanCompleted"}"#, #"{"type":"error","message":"late"}"#], .failed(text: "late")),
            ([#"{"type":"error","message":"early"}"#, #"{"type":"scanCompleted"}"#], .completed),
        ] as [([String], ScanFold.Ending?)]
    )
    func endings(_ lines: [String], _ ending: ScanFold.Ending?) throws {
        #expect(try Self.fold(lines).ending == ending)
    }

    @Test("An `error` that is not terminal ends nothing, another terminal type ends without a failure")
    func configuredEndings() throws {
        var configuration = RelayConfiguration()
        configuration.terminal = ["done"]
        #expect(try Self.fold([#"{"type":"error","message":"x"}"#], configuration: configuration).ending == nil)
        #expect(try Self.fold([#"{"type":"done","message":"x"}"#], configuration: configuration).ending == .completed)
    }

    @Test("Its bytes say all of it but the counts by type")
    func stored() throws {
        for lines in [
            [], [#"{"type":"progress","phase":"é","percent":12.5}"#, #"{"type":"found","severity":"low"}"#],
            [#"{"type":"error","message":"no route"}"#], [#"{"type":"error"}"#], [#"{"type":"scanCompleted"}"#],
        ] {
            let fold = try Self.fold(lines)
            var again = try #require(ScanFold(stored: fold.stored))
            again.restore(counts: fold.counts)
            #expect(again == fold)
        }
    }

    @Test(
        "Bytes that are cut short, or changed, are no fold or another one, and never a fault",
        arguments: 0..<20 as Range<UInt64>
    )
    func damaged(_ seed: UInt64) throws {
        let fold = try Self.fold([
            #"{"type":"progress","phase":"ports","percent":12.5}"#, #"{"type":"found","severity":"low"}"#,
            #"{"type":"error","message":"no route"}"#,
        ])
        let bytes = fold.stored
        for count in 0..<bytes.count {
            #expect(ScanFold(stored: Array(bytes[..<count])) == nil)
        }
        var random = SplitMix64(seed: seed)
        for _ in 0..<500 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if let other = ScanFold(stored: damaged), let percent = other.percent {
                #expect((0...100).contains(percent))
            }
        }
    }
}
