package import NIOCore
internal import SluiceBase

/// The check of a body that is one object or an array of objects, in slices: a long body does not delay its event loop.
package struct DocumentWalk {
    private enum Phase {
        case start
        /// Within an array, before its next element.
        case elements
        case over
    }

    private let parser: MessageParser
    private let body: ByteBuffer
    private let maximumCount: Int
    private var scan: MessageScan
    private var phase = Phase.start
    /// The messages so far, in their order; they count only once the walk is over.
    package private(set) var messages: [Message] = []

    /// A walk that has not begun.
    ///
    /// - Parameters:
    ///   - parser: The check for each message.
    ///   - body: The whole body of a request.
    ///   - maximumCount: The most messages that it may hold.
    package init(_ parser: MessageParser, _ body: ByteBuffer, maximumCount: Int) {
        self.parser = parser
        self.body = body
        self.maximumCount = maximumCount
        self.scan = MessageScan(parser)
    }

    /// Continues for this many bytes, up to the end of the message there.
    ///
    /// - Returns: Whether it is over.
    /// - Throws: The first fault, with `index` and `offset`; then no message of the body counts.
    package mutating func goOn(byteCount: Int) throws(MessageError) -> Bool {
        // Copies, since a span keeps the whole of its buffer.
        let body = self.body
        let bytes = body.readableBytesUInt8Span
        var scan = self.scan
        let (sum, overflow) = scan.scanner.offset.addingReportingOverflow(byteCount)
        do throws(MessageFault) {
            let isOver = try self.advance(&scan, bytes, to: overflow ? .max : sum)
            self.scan = scan
            return isOver
        } catch {
            throw MessageError(error, index: self.messages.count)
        }
    }

    private mutating func advance(
        _ scan: inout MessageScan,
        _ bytes: Span<UInt8>,
        to limit: Int
    ) throws(MessageFault) -> Bool {
        switch self.phase {
        case .over:
            return true
        case .start:
            guard try self.begin(&scan, bytes) else { return true }
        case .elements:
            break
        }
        repeat {
            self.messages.append(try self.scanElement(&scan, bytes))
            guard try scan.separator(bytes, closing: UInt8(ascii: "]")) else {
                try self.parser.expectEnd(&scan, bytes)
                self.phase = .over
                return true
            }
        } while scan.scanner.offset < limit
        return false
    }

    /// Takes the bytes before the first element of an array, or all of a body that has none.
    ///
    /// - Returns: Whether elements follow.
    private mutating func begin(_ scan: inout MessageScan, _ bytes: Span<UInt8>) throws(MessageFault) -> Bool {
        guard let first = scan.scanner.peek(bytes) else { throw MessageFault(.empty, at: scan.scanner.offset) }
        switch first {
        case UInt8(ascii: "{"):
            let message = try self.scanElement(&scan, bytes)
            try self.parser.expectEnd(&scan, bytes)
            self.messages.append(message)
        case UInt8(ascii: "["):
            scan.scanner.offset += 1
            guard try scan.token(bytes) == UInt8(ascii: "]") else {
                self.phase = .elements
                return true
            }
            scan.scanner.offset += 1
            try self.parser.expectEnd(&scan, bytes)
        default:
            let kind: MessageFault.Kind = MessageParser.hasByteOrderMark(bytes) ? .byteOrderMark : .notDocument
            throw MessageFault(kind, at: scan.scanner.offset)
        }
        self.phase = .over
        return false
    }

    /// Checks the next message.
    private func scanElement(_ scan: inout MessageScan, _ bytes: Span<UInt8>) throws(MessageFault) -> Message {
        let first = try scan.token(bytes)
        guard self.messages.count < self.maximumCount else {
            throw MessageFault(.tooManyMessages(limit: self.maximumCount), at: scan.scanner.offset)
        }
        guard first == UInt8(ascii: "{") else { throw MessageFault(.notObject, at: scan.scanner.offset) }
        return try scan.scanMessage(bytes)
    }
}
