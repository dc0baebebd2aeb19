/// What a client asks for as its TLS handshake begins (RFC 8446 section 4.1.2), as far as it chooses who answers.
package struct ClientHello: Sendable, Equatable {
    /// What some first bytes of a connection are.
    package enum Reading: Sendable, Equatable {
        /// They may become one.
        case incomplete
        /// Something else, or longer than ``maximumBytes``.
        case malformed
        case complete(ClientHello)
    }

    /// The most bytes that are read for one, with the heads of its records; BoringSSL takes no longer ones either.
    package static let maximumBytes = 16_384 + 256

    /// The name of the server (RFC 6066 section 3), in lower case; nil if the client gives none.
    package var serverName: String?
    /// What it can speak (RFC 7301 section 3.1), the preferred one first.
    package var protocols: [String] = []

    /// Reads the beginning of a connection.
    ///
    /// - Parameter bytes: All that came so far; more than ``maximumBytes`` make it malformed unless it ends before.
    /// - Returns: What it is.
    package static func read(_ bytes: [UInt8]) -> Reading {
        var records = Cursor(bytes[...])
        var message: [UInt8] = []
        // A message may be split among records (RFC 8446 section 5.1).
        while true {
            if let length = Self.length(of: message), message.count >= length {
                return Self.hello(message[Self.headBytes..<length]).map { .complete($0) } ?? .malformed
            }
            guard let type = records.byte() else {
                return bytes.count > Self.maximumBytes ? .malformed : .incomplete
            }
            guard type == Self.handshakeRecord, message.first.map({ $0 == Self.helloMessage }) ?? true else {
                return .malformed
            }
            guard records.skip(2), let count = records.word() else {
                return bytes.count > Self.maximumBytes ? .malformed : .incomplete
            }
            guard (1...Self.maximumRecordBytes).contains(count) else {
                return .malformed
            }
            message.append(contentsOf: records.upTo(count))
        }
    }

    private static let handshakeRecord: UInt8 = 22
    private static let helloMessage: UInt8 = 1
    private static let headBytes = 4
    private static let maximumRecordBytes = 16_384

    /// How long a handshake message is with its head; nil while that is not known.
    private static func length(of message: [UInt8]) -> Int? {
        guard message.count >= Self.headBytes, message[0] == Self.helloMessage else {
            return nil
        }
        return Self.headBytes + Int(message[1]) << 16 + Int(message[2]) << 8 + Int(message[3])
    }

    /// The body of the message; nil if it is malformed.
    private static func hello(_ body: ArraySlice<UInt8>) -> ClientHello? {
        var body = Cursor(body)
        // The version, and the client's random bytes.
        guard body.skip(34), let session = body.byte(), body.skip(Int(session)), let suites = body.word(),
            body.skip(suites), let methods = body.byte(), body.skip(Int(methods))
        else {
            return nil
        }
        var hello = ClientHello()
        guard let count = body.word() else {
            return hello
        }
        guard var extensions = body.part(count) else {
            return nil
        }
        while let type = extensions.word() {
            guard let count = extensions.word(), let content = extensions.part(count) else {
                return nil
            }
            switch type {
            case 0:
                hello.serverName = Self.serverName(content)
            case 16:
                hello.protocols = Self.protocols(content)
            default:
                continue
            }
        }
        return hello
    }

    private static func serverName(_ content: Cursor) -> String? {
        var content = content
        guard let count = content.word(), var names = content.part(count) else {
            return nil
        }
        while let type = names.byte(), let count = names.word(), let name = names.part(count) {
            if type == 0 {
                return String(decoding: name.bytes, as: UTF8.self).lowercased()
            }
        }
        return nil
    }

    private static func protocols(_ content: Cursor) -> [String] {
        var content = content
        guard let count = content.word(), var names = content.part(count) else {
            return []
        }
        var protocols: [String] = []
        while let count = names.byte(), let name = names.part(Int(count)) {
            protocols.append(String(decoding: name.bytes, as: UTF8.self))
        }
        return protocols
    }
}

/// Bytes that are taken from the front.
private struct Cursor {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    mutating func byte() -> UInt8? {
        self.bytes.popFirst()
    }

    mutating func word() -> Int? {
        guard self.bytes.count >= 2, let high = self.bytes.popFirst(), let low = self.bytes.popFirst() else {
            return nil
        }
        return Int(high) << 8 + Int(low)
    }

    mutating func skip(_ count: Int) -> Bool {
        self.part(count) != nil
    }

    /// So many bytes; nil, and nothing taken, if there are fewer.
    mutating func part(_ count: Int) -> Cursor? {
        guard self.bytes.count >= count else {
            return nil
        }
        defer { self.bytes = self.bytes.dropFirst(count) }
        return Cursor(self.bytes.prefix(count))
    }

    /// So many bytes, or those that there are.
    mutating func upTo(_ count: Int) -> ArraySlice<UInt8> {
        defer { self.bytes = self.bytes.dropFirst(count) }
        return self.bytes.prefix(count)
    }
}
