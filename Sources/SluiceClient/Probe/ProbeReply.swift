/// The head of an HTTP/1.1 answer and what has come of its body so far.
///
/// Reads what proxies and gateways write, and no more of RFC 9112 than that.
struct ProbeReply: Sendable, Equatable {
    var status: Int
    /// The fields, their names in lower case; of several with one name the last.
    var fields: [String: String]
    /// Without the framing of chunks.
    var body: [UInt8]
    /// How many bytes the head has.
    var headByteCount: Int

    /// Nil while the head is not complete, or where it is none.
    init?(_ bytes: [UInt8]) {
        let end: [UInt8] = Array("\r\n\r\n".utf8)
        guard let index = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
            return nil
        }
        let lines = String(decoding: bytes[..<index], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return nil
        }
        self.status = status
        self.fields = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 {
                self.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
            }
        }
        self.headByteCount = index + end.count
        let rest = bytes[self.headByteCount...]
        self.body = self.fields["transfer-encoding"] == "chunked" ? Self.joined(rest) : Array(rest)
    }

    /// The body as text.
    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The comments of an event stream, which are its server's signs of life.
    var commentCount: Int { self.text.split(separator: "\n").count { $0.hasPrefix(":") } }

    /// The chunks that are complete, and the beginning of the next one.
    private static func joined(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = bytes
        var body: [UInt8] = []
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let digits = String(decoding: rest[..<lineEnd].prefix { $0 != UInt8(ascii: ";") && $0 > 32 }, as: UTF8.self)
            guard let count = Int(digits, radix: 16), count > 0 else {
                break
            }
            let chunk = rest[(lineEnd + 1)...].prefix(count)
            body += chunk
            guard chunk.count == count else {
                break
            }
            // The line end behind the chunk.
            rest = rest[chunk.endIndex...].dropFirst(2)
        }
        return body
    }
}

/// Frames of a WebSocket as a server sends them, whatever is in them.
struct ProbeFrames: Sendable {
    /// One frame.
    struct Frame: Sendable, Equatable {
        /// RFC 6455 section 5.2; 8 closes, 9 is a ping.
        var opcode: UInt8
        var payload: [UInt8]
    }

    /// The frames that are complete.
    static func read(_ bytes: some Sequence<UInt8>) -> [Frame] {
        var rest = Array(bytes)[...]
        var frames: [Frame] = []
        while rest.count >= 2 {
            let first = rest.startIndex
            var (start, count) = (first + 2, Int(rest[first + 1] & 0x7F))
            let sizeBytes = count == 126 ? 2 : count == 127 ? 8 : 0
            guard rest.count >= 2 + sizeBytes else {
                break
            }
            if sizeBytes > 0 {
                let size = rest[start..<(start + sizeBytes)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                (start, count) = (start + sizeBytes, Int(clamping: size))
            }
            guard rest.endIndex - start >= count else {
                break
            }
            frames.append(Frame(opcode: rest[first] & 0x0F, payload: Array(rest[start..<(start + count)])))
            rest = rest[(start + count)...]
        }
        return frames
    }

    /// The answer to a ping, masked by a key of zeros, as every frame of a client's is (section 5.3).
    static func pong(_ payload: [UInt8]) -> [UInt8] {
        [0x8A, 0x80 | UInt8(truncatingIfNeeded: payload.count), 0, 0, 0, 0] + payload
    }
}
