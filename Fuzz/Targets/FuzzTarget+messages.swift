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
        try self.checkFold(messages)
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

    /// What is known of a scan stays within its bounds, and outlives the process.
    private static func checkFold(_ messages: [Message]) throws(BrokenPromise) {
        var fold = ScanFold()
        for message in messages {
            fold.note(message, at: WallTime(milliseconds: 1))
        }
        try self.promise(fold.percent.map { (0...100).contains($0) } ?? true, "a percentage is one")
        try self.promise(fold.counts.values.reduce(0, +) == messages.count, "each message is counted once")
        try self.promise((fold.phase?.utf8.count ?? 0) <= MessageProgress.maximumPhaseBytes * 3, "a phase has a bound")
        var again = ScanFold(stored: fold.stored)
        again?.restore(counts: fold.counts)
        try self.promise(again == fold, "what is stored is what was known")
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
