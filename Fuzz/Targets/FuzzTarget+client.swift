import SluiceBase

@testable import SluiceClient

extension FuzzTarget {
    private static let connection = try? GatewayConnection(url: "http://127.0.0.1", token: nil)
    private static let styles = [
        TerminalScreen.Style(isTerminal: true, usesColor: true, isRaw: false),
        TerminalScreen.Style(isTerminal: true, usesColor: false, isRaw: false),
        TerminalScreen.Style(isTerminal: false, usesColor: false, isRaw: false),
        TerminalScreen.Style(isTerminal: false, usesColor: false, isRaw: true),
    ]

    /// A frame as it is, and as the message of a batch, on every kind of screen; then as a close's reason.
    static func runTerminal(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let connection = self.connection, let scanID = try? ScanID(checked: "fuzz") else {
            throw BrokenPromise(what: "there is a gateway, and a scan")
        }
        let options = WatchOptions(scanID: "fuzz", connection: connection)
        for style in self.styles {
            var machine = WatchMachine(options: options, scanID: scanID)
            var screen = TerminalScreen(style: style)
            let batch = Array("{\"type\":\"batch\",\"messages\":[".utf8) + bytes + Array("]}".utf8)
            for event in machine.received(bytes) + machine.received(batch) + machine.received(bytes) {
                for width in [0, 1, 37, 200] {
                    let shown = screen.show(event, width: width)
                    if !style.isRaw { try self.check(shown.output) }
                    try self.check(Array((shown.notice ?? "").utf8))
                }
            }
            try self.check(screen.clear())
            let reason = String(decoding: bytes, as: UTF8.self)
            for code in [1000, 1001, 1013, 4401] {
                switch machine.ended(.closed(code: code, reason: DisplayText.safe(reason)), jitter: 0.5) {
                case .reconnect(let delay, _):
                    try self.promise(delay >= .zero && delay <= .seconds(301), "a wait has bounds")
                case .finish:
                    break
                }
            }
        }
    }

    /// What the screen itself writes to draw the bar and the colours.
    private static let ownSequences = ["\r\u{1B}[K"] + [0, 1, 2, 31, 32, 33, 36].map { "\u{1B}[\($0)m" }

    /// There are no other control characters than those of the screen's own sequences.
    private static func check(_ output: [UInt8]) throws(BrokenPromise) {
        var rest = output[...]
        while let byte = rest.first {
            if let own = self.ownSequences.first(where: { rest.starts(with: $0.utf8) }) {
                rest = rest.dropFirst(own.utf8.count)
                continue
            }
            // U+0080 to U+009F are C2 80 to C2 9F.
            let isControl = (byte < 0x20 && byte != 0x0A) || byte == 0x7F
            let isHighControl = byte == 0xC2 && (rest.dropFirst().first.map { $0 < 0xA0 } ?? false)
            try self.promise(!isControl && !isHighControl, "nothing steers the terminal")
            rest = rest.dropFirst()
        }
    }

    /// Both streams of a scanner, in pieces and at once.
    static func runScanner(_ bytes: [UInt8]) throws(BrokenPromise) {
        for format in ScanFormat.allCases {
            for stream in [ScannerStream.standardOutput, .standardError] {
                let whole = try self.messages(bytes, format, stream, pieceLength: max(1, bytes.count))
                let pieces = try self.messages(bytes, format, stream, pieceLength: 3)
                try self.promise(pieces == whole, "messages do not depend on how the output arrives")
                for message in whole {
                    // The check of what is passed as it is, for messages of every origin.
                    let again = NDJSONLine.message(in: OutputLine(bytes: message.bytes), scanID: "fuzz")
                    try self.promise(again?.bytes == message.bytes, "the gateway takes what is posted")
                    try self.promise(again?.type == message.type, "its type is the same")
                }
                let isOutput = stream == .standardOutput && bytes.contains { $0 > 0x20 && $0 < 0x7F }
                if isOutput, format == .lines || format == .ndjson {
                    try self.promise(!whole.isEmpty, "no line vanishes")
                }
            }
        }
        let words = bytes.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        _ = ScannerCommand.format(of: words)
    }

    private static func messages(
        _ bytes: [UInt8],
        _ format: ScanFormat,
        _ stream: ScannerStream,
        pieceLength: Int
    ) throws(BrokenPromise) -> [ProgressMessage] {
        var reader = OutputReader(translator: format.translator(scanID: "fuzz"))
        var messages: [ProgressMessage] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            messages += reader.append(rest.prefix(pieceLength), from: stream)
            rest = rest.dropFirst(pieceLength)
            while reader.hasMore { messages += reader.more() }
        }
        messages += reader.finish()
        let tail = reader.errorTail.text ?? ""
        try self.promise(tail.utf8.count <= 2000, "of standard error little is kept")
        try self.check(Array(tail.utf8))
        return messages
    }
}
