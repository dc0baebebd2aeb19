package import NIOCore

/// An operation that a NATS server sends.
package enum NATSOperation: Sendable {
    /// JSON.
    case info(ByteBuffer)
    case message(NATSMessage)
    case ping
    case pong
    case ok
    case error(String)
}

/// A message delivered to a subscription.
package struct NATSMessage: Sendable {
    package var subject: String
    package var subscription: Int
    package var reply: String?
    package var headers: MessageHeaders
    /// The status of an answer without content, such as 503 where nothing subscribes; nil for most messages.
    package var status: Int?
    package var payload: ByteBuffer
}

/// Turns bytes into operations, by the client protocol of NATS.
///
/// Servers are trusted, but a wrong address may lead to anything: lines and payloads are bounded.
package struct NATSParser {
    package enum Fault: Error, Equatable {
        case lineTooLong
        case payloadTooLong
        case malformed(String)
    }

    /// The most bytes of a line; the longest is INFO, which lists all servers.
    private static let maximumLineBytes = 256 * 1024
    private static let maximumPayloadBytes = 64 * 1024 * 1024
    private static let headersVersion = Array("NATS/1.0".utf8)

    private var buffer = ByteBuffer()
    /// The number of leading bytes that hold no end of a line.
    private var searched = 0
    /// A message whose line was read and whose payload is incomplete.
    private var pending: Pending?

    private struct Pending {
        var subject: String
        var subscription: Int
        var reply: String?
        var headerBytes: Int
        var totalBytes: Int
    }

    package init() {}

    package mutating func receive(_ bytes: inout ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = bytes
        } else {
            self.buffer.discardReadBytes()
            self.buffer.writeBuffer(&bytes)
        }
    }

    /// The next operation; nil where more bytes are needed.
    package mutating func next() throws(Fault) -> NATSOperation? {
        if self.pending == nil {
            guard let line = try self.readLine() else {
                return nil
            }
            guard let operation = try self.operation(line) else {
                return try self.message()
            }
            return operation
        }
        return try self.message()
    }

    private mutating func readLine() throws(Fault) -> ByteBuffer? {
        let view = self.buffer.readableBytesView
        let from = view.index(view.startIndex, offsetBy: self.searched)
        guard let end = view[from...].firstIndex(of: UInt8(ascii: "\n")) else {
            self.searched = view.count
            guard view.count <= Self.maximumLineBytes else {
                throw .lineTooLong
            }
            return nil
        }
        self.searched = 0
        var line = self.buffer.readSlice(length: end - view.startIndex + 1) ?? ByteBuffer()
        let last = line.readableBytesView.dropLast().last == UInt8(ascii: "\r") ? 2 : 1
        line.moveWriterIndex(to: line.writerIndex - last)
        return line
    }

    /// The operation of a line; nil where a payload follows.
    private mutating func operation(_ line: ByteBuffer) throws(Fault) -> NATSOperation? {
        var line = line
        let word = line.readableBytesView.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let name = String(decoding: word, as: UTF8.self).uppercased()
        line.moveReaderIndex(forwardBy: min(word.count + 1, line.readableBytes))
        switch name {
        case "INFO": return .info(line)
        case "PING": return .ping
        case "PONG": return .pong
        case "+OK": return .ok
        case "-ERR": return .error(String(buffer: line))
        case "MSG", "HMSG":
            self.pending = try Self.pending(line.readableBytesView, hasHeaders: name == "HMSG")
            return nil
        default: throw .malformed(String(name.prefix(32)))
        }
    }

    private static func pending(_ line: ByteBufferView, hasHeaders: Bool) throws(Fault) -> Pending {
        let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let numbers = hasHeaders ? 2 : 1
        guard words.count == 2 + numbers || words.count == 3 + numbers, let subscription = Int(Self.text(words[1])),
            let total = Int(Self.text(words[words.count - 1])), total >= 0,
            let headers = hasHeaders ? Int(Self.text(words[words.count - 2])) : 0, headers >= 0, headers <= total
        else {
            throw .malformed("message")
        }
        guard total <= Self.maximumPayloadBytes else {
            throw .payloadTooLong
        }
        return Pending(
            subject: Self.text(words[0]),
            subscription: subscription,
            reply: words.count == 3 + numbers ? Self.text(words[2]) : nil,
            headerBytes: headers,
            totalBytes: total
        )
    }

    private mutating func message() throws(Fault) -> NATSOperation? {
        guard let pending = self.pending, self.buffer.readableBytes >= pending.totalBytes + 2,
            let head = self.buffer.readSlice(length: pending.headerBytes),
            let payload = self.buffer.readSlice(length: pending.totalBytes - pending.headerBytes)
        else {
            return nil
        }
        self.buffer.moveReaderIndex(forwardBy: 2)
        self.pending = nil
        let (headers, status) = try pending.headerBytes > 0 ? Self.headers(head) : (MessageHeaders(), nil)
        return .message(
            NATSMessage(
                subject: pending.subject,
                subscription: pending.subscription,
                reply: pending.reply,
                headers: headers,
                status: status,
                payload: payload
            )
        )
    }

    package static func headers(_ bytes: ByteBuffer) throws(Fault) -> (MessageHeaders, Int?) {
        var rest = bytes.readableBytesView
        let first = Self.line(&rest)
        guard first.starts(with: Self.headersVersion) else {
            throw .malformed("headers")
        }
        var headers = MessageHeaders()
        while !rest.isEmpty {
            let line = Self.line(&rest)
            guard !line.isEmpty else {
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw .malformed("header")
            }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            headers.append(Self.text(line[..<colon]), Self.text(value))
        }
        let status = first.dropFirst(Self.headersVersion.count).split(separator: UInt8(ascii: " ")).first
        return (headers, status.flatMap { Int(Self.text($0)) })
    }

    /// Takes a line out, without its end.
    private static func line(_ rest: inout ByteBufferView) -> ByteBufferView {
        var search = rest
        while let end = search.firstIndex(of: UInt8(ascii: "\r")) {
            if end + 1 < rest.endIndex, rest[end + 1] == UInt8(ascii: "\n") {
                defer { rest = rest[(end + 2)...] }
                return rest[..<end]
            }
            search = rest[(end + 1)...]
        }
        defer { rest = rest[rest.endIndex...] }
        return rest
    }

    private static func text(_ bytes: ByteBufferView) -> String { String(decoding: bytes, as: UTF8.self) }
}
