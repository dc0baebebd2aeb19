import NIOCore
import SluiceBase

@testable import SluiceRelay

extension FuzzTarget {
    static let parser: MessageParser? = ScanID("fuzz")
        .map { MessageParser(rules: MessageRules(RelayConfiguration()), scanID: $0, maximumMessageBytes: 4096) }

    static func runMessages(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let parser = self.parser else {
            throw BrokenPromise(what: "the scan has a name")
        }
        let input = ByteBuffer(bytes: bytes)
        var messages: [Message] = []
        do throws(MessageError) {
            messages = try parser.parseDocument(input, maximumCount: 64)
        } catch {
            try self.promise(error.offset.map { $0 <= bytes.count } ?? true, "a fault stands within the bytes")
        }
        for message in messages {
            try self.check(message, parser)
        }
        if let line = try? parser.parseLine(input) {
            try self.check(line, parser)
        }
    }

    /// What was accepted once is accepted again, and says the same.
    private static func check(_ message: Message, _ parser: MessageParser) throws(BrokenPromise) {
        var whole = ByteBuffer(string: "{")
        whole.writeImmutableBuffer(message.body)
        let again = try? parser.parseLine(whole)
        try self.promise(again?.body == message.body, "an accepted message is taken again")
        try self.promise(again?.type == message.type, "its type is the same")
        try self.promise(message.byteCount <= 4096, "it is within the limit")
        try self.promise(!message.type.unicodeScalars.contains { $0.value < 0x20 }, "its type has no controls")
    }

    static func runLines(_ bytes: [UInt8]) throws(BrokenPromise) {
        let whole = self.lines(bytes, pieceLength: max(1, bytes.count))
        for pieceLength in [1, 3, 64] {
            let pieces = self.lines(bytes, pieceLength: pieceLength)
            try self.promise(pieces == whole, "lines do not depend on how the bytes arrive")
        }
    }

    /// The lines, and `nil` at the end if one was too long.
    private static func lines(_ bytes: [UInt8], pieceLength: Int) -> [[UInt8]?] {
        var splitter = NDJSONLineSplitter(maximumLineBytes: 100)
        var lines: [[UInt8]?] = []
        do throws(MessageError) {
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + pieceLength)
                splitter.append(ByteBuffer(bytes: bytes[start..<end]))
                start = end
                while let line = try splitter.nextLine() {
                    lines.append(Array(line.bytes.readableBytesView))
                }
            }
            while let line = try splitter.finish() {
                lines.append(Array(line.bytes.readableBytesView))
            }
        } catch {
            lines.append(nil)
        }
        return lines
    }
}
