import SluiceBase

/// One page of a scan's history, as the gateway answers it, turned into lines of an export.
struct ExportPage: Sendable, Equatable {
    /// Which life of the scan this is.
    let epoch: String
    /// Lines of `{"at":<milliseconds>,"seq":<number>,"message":<the object as posted>}`, each with its end.
    let lines: [[UInt8]]
    /// The `since` of the next page; nil at the end.
    let next: Int?
    /// How many messages of the page are stored and damaged.
    let damagedCount: Int

    /// The page is an array in an object, and a message may be nested as deep as the gateway takes it.
    private static let maximumDepth = JSONNesting.capacity + 2

    /// Reads an answer; nil if it is none, or does not say when the messages came.
    init?(_ body: [UInt8]) {
        guard let page = try? JSONReader.read(body, .tolerant(maximumDepth: Self.maximumDepth)),
            let epoch = page["epoch"]?.string, let messages = page["messages"], let times = page["times"],
            let next = page["next"], messages.elements.count == times.elements.count
        else {
            return nil
        }
        var lines: [[UInt8]] = []
        for (message, time) in zip(messages.elements, times.elements) {
            guard let line = Self.line(message, at: time.integer, body) else {
                return nil
            }
            lines.append(line)
        }
        self.epoch = epoch
        self.lines = lines
        self.next = next.integer
        self.damagedCount = page["damaged"]?.integer ?? 0
    }

    /// The gateway put `"seq":N,` in front of the posted fields, and nothing else.
    private static func line(_ message: JSONNode, at time: Int?, _ body: [UInt8]) -> [UInt8]? {
        guard let time, let first = message.members.first, first.name == "seq", let seq = first.node.integer,
            first.node.range.upperBound < message.range.upperBound,
            body[first.node.range.upperBound] == UInt8(ascii: ",")
        else {
            return nil
        }
        var line = Array("{\"at\":\(time),\"seq\":\(seq),\"message\":{".utf8)
        line += body[(first.node.range.upperBound + 1)..<message.range.upperBound]
        line += "}\n".utf8
        return line
    }
}
