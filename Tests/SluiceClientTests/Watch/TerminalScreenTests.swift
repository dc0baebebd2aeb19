import SluiceBase
import Testing

@testable import SluiceClient

@Suite struct TerminalScreenTests {
    private func event(_ text: String) throws -> WatchEvent {
        let bytes = Array(text.utf8)
        return .message(WatchedMessage(bytes: bytes, node: try JSONReader.read(bytes)))
    }

    private func shown(
        _ texts: [String],
        isTerminal: Bool,
        isRaw: Bool = false,
        usesColor: Bool = false
    ) throws -> [String] {
        var screen = TerminalScreen(
            style: TerminalScreen.Style(isTerminal: isTerminal, usesColor: usesColor, isRaw: isRaw)
        )
        return try texts.map { String(decoding: screen.show(try self.event($0), width: 60).output, as: UTF8.self) }
    }

    private static let port = #"{"scanId":"s","seq":41,"type":"portFound","ip":"10.0.0.1","port":80}"#
    private static let half = #"{"seq":42,"type":"scanProgress","phase":"SYN","percent":50,"remaining":62}"#

    @Test("without a terminal every message is a line, progress too")
    func lines() throws {
        #expect(
            try self.shown([Self.port, Self.half, #"{"seq":43,"type":"line","text":"hello"}"#], isTerminal: false) == [
                "    41  portFound  ip=10.0.0.1 port=80\n",
                "    42  scanProgress  phase=SYN percent=50 remaining=62\n",
                "    43  line  hello\n",
            ]
        )
    }

    @Test("on a terminal the bar stays below the lines and is drawn anew only when it changes")
    func bar() throws {
        let shown = try self.shown(
            [Self.port, Self.half, Self.half, Self.port, #"{"type":"scanCompleted"}"#],
            isTerminal: true
        )
        let bar =
            "SYN " + String(repeating: "█", count: 17) + String(repeating: "░", count: 16) + " 50.0%  0:01:02 left"
        #expect(shown[0] == "    41  portFound  ip=10.0.0.1 port=80\n")
        #expect(shown[1] == bar)
        #expect(shown[2] == "")
        #expect(shown[3] == "\r\u{1B}[K    41  portFound  ip=10.0.0.1 port=80\n" + bar)
        #expect(shown[4] == "\r\u{1B}[K        scanCompleted\n")
    }

    @Test("raw output is the message alone")
    func raw() throws {
        #expect(try self.shown([Self.port], isTerminal: false, isRaw: true) == [Self.port + "\n"])
    }

    @Test("what a scanned host wrote cannot steer the terminal")
    func controlCharacters() throws {
        let hostile =
            #"{"type":"x\u001b[2J","banner\u0007":"\u001b]0;pwned\u0007\r\n\u009b31m\u202e","n":[1,"\u001b"]}"#
        for usesColor in [false, true] {
            let shown = try self.shown([hostile], isTerminal: true, usesColor: usesColor)[0].dropLast()
            var text = String(shown)
            for code in [0, 2, 36] {
                text = text.split(separator: "\u{1B}[\(code)m", omittingEmptySubsequences: false).joined()
            }
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control || $0.value == 0x202E })
        }
    }

    @Test("a narrow terminal gets a short bar that fits", arguments: [5, 10, 20, 40, 200])
    func narrow(width: Int) throws {
        var bar = ProgressBar()
        let bytes = Array(Self.half.utf8)
        #expect(bar.update(with: WatchedMessage(bytes: bytes, node: try JSONReader.read(bytes))))
        #expect(try #require(bar.text(width: width)).count < width)
    }

    @Test(
        "no number of a producer harms the bar",
        arguments: [
            "1e300", "-1e300", "1e999", "\"nan\"", "\"-inf\"", "\"0x1p1023\"", "9223372036854775807", "null", "[1]",
            "-0.0",
            "1e-320",
        ]
    )
    func hostileNumbers(number: String) throws {
        for type in ["scanProgress", "progress"] {
            let texts = ["percent", "remaining", "phase", "seq"]
                .map { #"{"type":"\#(type)","percent":50,"\#($0)":\#(number)}"# }
            for text in try self.shown(texts, isTerminal: true) + self.shown(texts, isTerminal: false) {
                #expect(!text.contains("nan%") && !text.contains("inf%"))
            }
        }
    }

    @Test(
        "whole numbers are made of any number",
        arguments: [
            (1e300, Int.max), (-1e300, .min), (.nan, 0), (.infinity, .max), (-.infinity, .min), (2.5, 3), (-0.4, 0),
            (9_223_372_036_854_775_807.0, .max), (-9_223_372_036_854_775_808.0, .min),
        ] as [(Double, Int)]
    )
    func clamping(value: Double, whole: Int) {
        #expect(Int(clamping: value) == whole)
    }

    @Test(
        "what the gateway itself says is a sentence",
        arguments: [
            (
                #"{"type":"lag","skippedMessages":15,"scanId":"a","since":27,"reason":"slow_client"}"#,
                "lag  15 message(s) after 27 were missed: they were not taken fast enough here"
            ),
            (
                #"{"type":"lag","scanId":"a","reason":"history_evicted"}"#,
                "lag  messages were missed: they are no longer kept"
            ),
            (
                #"{"type":"lag","skippedMessages":2,"since":1,"reason":"overflow"}"#,
                "lag  2 message(s) after 1 were missed: more came than a subscriber is sent"
            ),
            (
                #"{"type":"scanStalled","scanId":"a","silentFor":60}"#,
                "scanStalled  nothing was heard of the scanner for 60 s"
            ),
            (
                #"{"type":"scanStalled","silentFor":1e300}"#,
                "scanStalled  nothing was heard of the scanner for 9223372036854775807 s"
            ),
            (#"{"type":"scanResumed","scanId":"a"}"#, "scanResumed  the scanner is heard of again"),
            (#"{"type":"tokenExpiring","expiresIn":60}"#, "tokenExpiring  the token expires in 60 s"),
            (
                #"{"type":"error","message":"Scan channel\u001b not found","code":"scan_not_found"}"#,
                "error  Scan channel\u{FFFD} not found (scan_not_found)"
            ),
        ]
    )
    func notices(text: String, line: String) throws {
        #expect(try self.shown([text], isTerminal: false) == ["        \(line)\n"])
    }

    @Test("a scanner's own messages of these names are its messages")
    func namesakes() throws {
        #expect(
            try self.shown([#"{"seq":7,"type":"error","message":"m","code":"c"}"#], isTerminal: false)
                == ["     7  error  message=m code=c\n"]
        )
    }

    @Test("the bar says while the scanner is silent, and an error of the gateway does not end it")
    func stalledBar() throws {
        let shown = try self.shown(
            [
                Self.half, #"{"type":"scanStalled","silentFor":60}"#, #"{"type":"error","message":"m","code":"c"}"#,
                #"{"type":"scanResumed"}"#,
            ],
            isTerminal: true
        )
        #expect(shown[1].hasSuffix(" 50.0%  (silent)"))
        #expect(shown[2].hasSuffix(" 50.0%  (silent)"))
        #expect(shown[3].hasSuffix(" 50.0%  0:01:02 left"))
    }
}
