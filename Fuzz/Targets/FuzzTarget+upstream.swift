import NIOCore
import NIOHTTP1

@testable import SluiceHTTP

extension FuzzTarget {
    /// What was read of an answer.
    private struct Reading: Equatable {
        /// Heads and ends, in their order.
        var parts: [String] = []
        var body: [UInt8] = []
        /// What is held behind the end.
        var heldCount = 0
    }

    /// An answer to GET, to HEAD and to an upgrade, at once and byte by byte.
    static func runAnswer(_ bytes: [UInt8]) throws(BrokenPromise) {
        for (isHead, mayUpgrade) in [(false, false), (true, false), (false, true)] {
            var parser = AnswerParser(limits: HTTPLimits(), isHead: isHead, mayUpgrade: mayUpgrade)
            let whole = try self.read(bytes, pieceLength: max(1, bytes.count), by: &parser)
            parser = AnswerParser(limits: HTTPLimits(), isHead: isHead, mayUpgrade: mayUpgrade)
            let pieces = try self.read(bytes, pieceLength: 1, by: &parser)
            try self.promise(whole == pieces, "an answer does not depend on how its bytes arrive")
            try self.promise(!isHead || whole.body.isEmpty, "HEAD is answered without a body")
        }
    }

    private static func read(
        _ bytes: [UInt8],
        pieceLength: Int,
        by parser: inout AnswerParser
    ) throws(BrokenPromise) -> Reading {
        var reading = Reading()
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + pieceLength)
            parser.append(ByteBuffer(bytes: bytes[start..<end]))
            start = end
            while let part = parser.next() {
                try self.note(part, in: &reading)
            }
        }
        if let part = parser.inputEnded(isClean: true) {
            try self.note(part, in: &reading)
        }
        try self.promise(parser.next() == nil && parser.inputEnded(isClean: true) == nil, "nothing follows the end")
        let hasEnded = reading.parts.last.map { $0 == "refused" || $0.hasPrefix("end") || $0.hasPrefix("101") } ?? false
        try self.promise(hasEnded, "every answer has an end")
        reading.heldCount = reading.parts.last == "refused" ? 0 : parser.held.readableBytes
        return reading
    }

    private static func note(_ part: AnswerParser.Part, in reading: inout Reading) throws(BrokenPromise) {
        switch part {
        case .interim(let answer), .head(let answer):
            try self.check(answer.fields)
            try self.promise(
                !answer.status.reasonPhrase.utf8.contains { $0 < 0x20 && $0 != 0x09 },
                "a reason is one line"
            )
            reading.parts.append("\(answer.status.code) \(answer.fields.count) \(answer.framing) \(answer.isKeepAlive)")
        case .body(let bytes):
            try self.promise(bytes.readableBytes > 0, "a piece has bytes")
            reading.body += bytes.readableBytesView
        case .end(let trailers):
            if let trailers {
                try self.check(trailers)
            }
            reading.parts.append("end \(trailers?.count ?? 0)")
        case .refused:
            reading.parts.append("refused")
        }
    }

    /// Whoever reads what is passed on sees the same fields.
    private static func check(_ fields: HeaderFields) throws(BrokenPromise) {
        var written = ByteBuffer()
        fields.write(into: &written)
        let lines = written.readableBytesView.count { $0 == 0x0A }
        try self.promise(lines == fields.count, "a field is one line")
        for index in 0..<fields.count {
            let isName = fields.lowercasedName(at: index).utf8.allSatisfy(HTTPToken.contains)
            try self.promise(isName, "a name is a token")
        }
    }
}
