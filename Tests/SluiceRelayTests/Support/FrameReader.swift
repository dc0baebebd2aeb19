import SluiceWire

@testable import SluiceRelay

/// Reads a connection's bytes as a client does, and knows nothing of how they were made.
struct FrameReader {
    enum Failure: Error, Equatable {
        case incomplete
        case header(UInt8)
        case compressedWithoutAgreement
        case damaged
        case eventStream(String)
    }

    private let form: WireForm
    private let inflater: Inflater?
    /// How many of the frames read came compressed.
    private(set) var compressedCount = 0

    init(form: WireForm) {
        self.form = form
        if case .webSocket(.deflate(let terms)) = form.kind {
            self.inflater = Inflater(windowBits: -Int32(terms.windowBits))
        } else {
            self.inflater = nil
        }
    }

    /// Reads whole frames, or whole events.
    mutating func read(_ bytes: [UInt8]) throws(Failure) -> [ReceivedFrame] {
        try self.readTexts(bytes).map { ReceivedFrame(text: $0) }
    }

    /// The text of each whole frame, or event.
    mutating func readTexts(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        if case .eventStream(let isChunked, _) = self.form.kind {
            return try self.readEvents(isChunked ? self.unchunk(bytes) : bytes)
        }
        var texts: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            texts.append(try self.readFrame(&rest))
        }
        return texts
    }

    private mutating func readFrame(_ rest: inout ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
        let first = try self.integer(&rest, count: 1)
        var length = try self.integer(&rest, count: 1)
        if length == 126 {
            length = try self.integer(&rest, count: 2)
        } else if length == 127 {
            length = try self.integer(&rest, count: 8)
        }
        guard rest.count >= length else {
            throw .incomplete
        }
        let payload = Array(rest.prefix(length))
        rest = rest.dropFirst(length)
        switch first {
        case 0x81:
            return payload
        case 0x82:
            guard case .webSocket(.gzip) = self.form.kind else {
                throw .header(0x82)
            }
            guard let text = Inflater(windowBits: 15 + 16).inflate(payload) else {
                throw .damaged
            }
            return text
        case 0xC1:
            guard let inflater = self.inflater else {
                throw .compressedWithoutAgreement
            }
            guard let text = inflater.inflate(payload + [0, 0, 0xFF, 0xFF]) else {
                throw .damaged
            }
            self.compressedCount += 1
            return text
        default:
            throw .header(UInt8(first))
        }
    }

    private func integer(_ rest: inout ArraySlice<UInt8>, count: Int) throws(Failure) -> Int {
        guard rest.count >= count else {
            throw .incomplete
        }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    private func unchunk(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        var rest = bytes[...]
        var content: [UInt8] = []
        while !rest.isEmpty {
            guard let lineEnd = rest.firstIndex(of: UInt8(ascii: "\r")),
                let length = Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16),
                rest.endIndex >= lineEnd + 2 + length + 2
            else {
                throw .eventStream("chunk")
            }
            content += rest[(lineEnd + 2)..<(lineEnd + 2 + length)]
            rest = rest[(lineEnd + 2 + length + 2)...]
        }
        return content
    }

    private func readEvents(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        var id: Substring?
        var data: [Substring] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                if !data.isEmpty {
                    let bytes = Array(data.joined(separator: "\n").utf8)
                    if case .messages(let seqs, let text) = ReceivedFrame(text: bytes) {
                        guard let id, seqs.count == 1, id.hasSuffix(":\(seqs[0])") else {
                            throw .eventStream("id of \(text)")
                        }
                    }
                    texts.append(bytes)
                }
                id = nil
                data = []
            } else if line.hasPrefix("id: ") {
                id = line.dropFirst(4)
            } else if line.hasPrefix("data: ") {
                data.append(line.dropFirst(6))
            } else if !line.hasPrefix("event: ") {
                throw .eventStream("line \(line)")
            }
        }
        return texts
    }
}
