package import NIOCore
package import SluiceBase

/// The check that stands between producers and subscribers: strict JSON (RFC 8259) in UTF-8 (RFC 3629), one pass over
/// the bytes, and nothing rebuilt.
///
/// Messages that pass are relayed unchanged, so no message may pass that a subscriber's own parser would refuse. Left
/// to the reader, because the grammar allows them: numbers that no `Double` holds, the same name twice (but for the
/// names the gateway owns), and escapes of lone surrogates (but in `type` and `scanId`). Names are compared after
/// unescaping.
package struct MessageParser: Sendable {
    /// The longest `type`, in Unicode scalars after unescaping.
    static let maximumTypeLength = 128

    let rules: MessageRules
    /// The name of the path's scan, which a message's own `scanId` has to equal.
    let scanID: [UInt8]
    let maximumMessageBytes: Int
    let maximumDepth: Int

    /// A check for messages to one scan.
    ///
    /// - Parameters:
    ///   - rules: The rules of each type.
    ///   - scanID: The scan that the messages are posted to.
    ///   - maximumMessageBytes: The longest message, from its opening to its closing brace.
    ///   - maximumDepth: The deepest nesting, 1 to 64; the message's object is 1, an array around messages not counted.
    package init(rules: MessageRules, scanID: ScanID, maximumMessageBytes: Int, maximumDepth: Int = 64) {
        precondition(
            1...JSONNesting.capacity ~= maximumDepth,
            "The depth limit has to be within 1 and \(JSONNesting.capacity)."
        )
        self.rules = rules
        self.scanID = Array(scanID.text.utf8)
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumDepth = maximumDepth
    }

    /// Takes the messages out of a body that is one object or an array of objects.
    ///
    /// - Parameters:
    ///   - body: The whole body of a request.
    ///   - maximumCount: The most messages that it may hold.
    /// - Returns: All messages in their order; none for an empty array.
    /// - Throws: The first fault, with `index` and `offset`; then no message of the body counts.
    package func parseDocument(_ body: ByteBuffer, maximumCount: Int) throws(MessageError) -> [Message] {
        var walk = DocumentWalk(self, body, maximumCount: maximumCount)
        _ = try walk.goOn(byteCount: .max)
        return walk.messages
    }

    /// Takes the message out of one line of NDJSON.
    ///
    /// - Parameter line: The line, with or without its end.
    /// - Returns: `nil` if there is nothing in the line but white space.
    /// - Throws: The first fault, with `offset`.
    package func parseLine(_ line: ByteBuffer) throws(MessageError) -> Message? {
        let bytes = line.readableBytesUInt8Span
        do throws(MessageFault) {
            var scan = MessageScan(self)
            guard let first = scan.scanner.peek(bytes) else { return nil }
            guard first == UInt8(ascii: "{") else {
                throw MessageFault(Self.hasByteOrderMark(bytes) ? .byteOrderMark : .notObject, at: scan.scanner.offset)
            }
            let message = try scan.scanMessage(bytes)
            try self.expectEnd(&scan, bytes)
            return message
        } catch {
            throw MessageError(error, index: nil)
        }
    }

    func expectEnd(_ scan: inout MessageScan, _ bytes: Span<UInt8>) throws(MessageFault) {
        guard scan.scanner.peek(bytes) == nil else { throw MessageFault(.trailingBytes, at: scan.scanner.offset) }
    }

    /// RFC 8259 section 8.1 forbids the mark to senders; a relay that passes bytes on unchanged cannot accept it.
    static func hasByteOrderMark(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    }
}
