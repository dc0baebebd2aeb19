import Foundation
import Logging
import SluiceHTTP
import Testing

@testable import SluiceServer

@Suite("Lines of the log")
struct LogLineTests {
    private static func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(
            time: LogTime(milliseconds: 1_767_225_600_042),
            level: .info,
            label: "sluice",
            message: message,
            metadata: metadata
        )
    }

    @Test("A text line has time, level, message and sorted pairs")
    func text() {
        let line = Self.line("scan completed", ["scan": "abc-123", "messages": "\(342)", "duration": "30.5 s"])
        #expect(
            line.text(.text)
                == "2026-01-01T00:00:00.042Z info     scan completed duration=\"30.5 s\" messages=342 scan=abc-123\n"
        )
    }

    @Test(
        "A value of text that could be taken for more stands in quotes",
        arguments: [
            ("plain", "plain"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""),
            ("a\\b", "\"a\\\\b\""), ("ü", "ü"),
        ]
    )
    func quoting(value: String, expected: String) {
        #expect(Self.line("m", ["k": .string(value)]).text(.text).hasSuffix(" m k=\(expected)\n"))
    }

    @Test(
        "Nothing in a message, a key or a value can begin another line or drive a terminal",
        arguments: ["\n", "\r", "\r\n", "\u{1B}[2J", "\u{0}", "\u{85}", "\u{2028}", "\u{202E}", "\u{7F}", "\u{9B}"]
    )
    func injection(text: String) throws {
        for format in GatewayConfiguration.Log.Format.allCases {
            let line = Self.line("a\(text)b", ["k\(text)": "v\(text)", "list": ["\(text)"]]).text(format)
            let harmful = line.unicodeScalars.dropLast().filter(\.isHarmful)
            #expect(harmful.isEmpty, "\(format)")
            #expect(line.hasSuffix("\n"))
        }
    }

    @Test("A JSON line is one object that reads back, with numbers and lists as what they are")
    func json() throws {
        let text = "\"\\/\n\u{1}é\u{1F600}\u{E0001}"
        let line = Self.line(
            text,
            [
                "count": .stringConvertible(342), "rate": .stringConvertible(2.5), "new": .stringConvertible(true),
                "infinite": .stringConvertible(Double.infinity), "list": ["a", .stringConvertible(1)],
                "map": ["k": "v"], "level": "taken",
            ]
        ).text(.json)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-01-01T00:00:00.042Z")
        #expect(object["level"] as? String == "info")
        #expect(object["logger"] as? String == "sluice")
        #expect(object["message"] as? String == text)
        #expect(object["count"] as? Int == 342)
        #expect(object["rate"] as? Double == 2.5)
        #expect(object["new"] as? Bool == true)
        #expect(object["infinite"] as? String == "inf")
        #expect((object["list"] as? [Any])?.count == 2)
        #expect((object["map"] as? [String: String]) == ["k": "v"])
        #expect(object["metadata.level"] as? String == "taken")
        #expect(line.firstIndex(of: "\n") == line.index(before: line.endIndex))
    }

    @Test("A text beyond all measure is cut")
    func length() {
        let line = Self.line(String(repeating: "x", count: 5000)).text(.text)
        #expect(line.hasSuffix("x…\n"))
        #expect(line.count < 4200)
    }

    @Test(
        "Times are UTC, whatever the year",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        ]
    )
    func time(milliseconds: Int, expected: String) {
        #expect(LogTime(milliseconds: milliseconds).description == expected)
    }

    @Test("Now is now")
    func now() {
        #expect(abs(Double(LogTime.now().milliseconds) / 1000 - Date().timeIntervalSince1970) < 5)
    }
}
