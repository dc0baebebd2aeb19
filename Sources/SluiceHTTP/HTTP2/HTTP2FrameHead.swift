internal import NIOCore

/// The head of a frame (RFC 9113, section 4.1), and the first bytes of a payload that decide what the frame is worth.
struct HTTP2FrameHead: Equatable {
    /// The kinds of frames that are known here.
    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case priority = 2
        case resetStream = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    /// How long a head is.
    static let byteCount = 9
    private static let endStreamFlag: UInt8 = 0x1
    private static let endHeadersFlag: UInt8 = 0x4
    private static let paddedFlag: UInt8 = 0x8

    /// nil for an extension's frame, which is ignored (section 5.5).
    let kind: Kind?
    let flags: UInt8
    let streamID: Int
    /// How many bytes follow the head.
    let payloadByteCount: Int
    /// The first four bytes of the payload as a number, as far as they were there.
    let start: UInt32

    /// Reads a head; nil if too few bytes are there to judge the frame.
    ///
    /// - Parameters:
    ///   - bytes: Bytes of a connection.
    ///   - index: Where in them the frame begins.
    init?(_ bytes: ByteBuffer, at index: Int) {
        guard let word: UInt32 = bytes.getInteger(at: index), let flags: UInt8 = bytes.getInteger(at: index + 4),
            let streamID: UInt32 = bytes.getInteger(at: index + 5)
        else {
            return nil
        }
        self.kind = Kind(rawValue: UInt8(truncatingIfNeeded: word))
        self.flags = flags
        self.streamID = Int(streamID & 0x7FFF_FFFF)
        self.payloadByteCount = Int(word >> 8)
        switch self.kind {
        case .windowUpdate where self.payloadByteCount >= 4:
            guard let start: UInt32 = bytes.getInteger(at: index + Self.byteCount) else { return nil }
            self.start = start
        case .data where flags & Self.paddedFlag != 0 && self.payloadByteCount > 0:
            guard let start: UInt8 = bytes.getInteger(at: index + Self.byteCount) else { return nil }
            self.start = UInt32(start)
        default:
            self.start = 0
        }
    }

    /// A head as it would be read.
    init(_ kind: Kind?, flags: UInt8 = 0, streamID: Int = 0, payloadByteCount: Int = 0, start: UInt32 = 0) {
        self.kind = kind
        self.flags = flags
        self.streamID = streamID
        self.payloadByteCount = payloadByteCount
        self.start = start
    }

    /// Whether it is the last frame of its stream, where its kind can be.
    var endsStream: Bool { self.flags & Self.endStreamFlag != 0 }

    /// Whether a header block ends with it.
    var endsHeaders: Bool { self.flags & Self.endHeadersFlag != 0 }

    /// Whether it acknowledges settings and does nothing else.
    var isSettingsAcknowledgement: Bool {
        self.kind == .settings && self.flags & 0x1 != 0 && self.payloadByteCount == 0
    }

    /// Whether it is a DATA frame without data that does not end its stream.
    var isEmptyData: Bool {
        guard self.kind == .data, !self.endsStream else { return false }
        guard self.flags & Self.paddedFlag != 0 else { return self.payloadByteCount == 0 }
        return self.payloadByteCount <= Int(self.start) + 1
    }
}

/// Finds the frames in a connection's bytes, behind the client's preface (RFC 9113, section 3.4).
///
/// It checks nothing: that is left to the parser behind it.
struct HTTP2FrameScanner {
    /// What comes next.
    enum Step: Equatable {
        /// The head of a frame; its payload follows.
        case head(HTTP2FrameHead)
        /// So many bytes of the preface or of a payload, and whether that is all of it.
        case payload(byteCount: Int, isEnd: Bool)
        /// Too few bytes to tell.
        case incomplete
    }

    /// How many bytes of the preface or of a payload are still to come.
    private var remainingByteCount = 24

    /// Looks at the bytes from an index on, which has to stand within them.
    mutating func step(_ bytes: ByteBuffer, at index: Int) -> Step {
        guard self.remainingByteCount == 0 else {
            let byteCount = min(self.remainingByteCount, bytes.writerIndex - index)
            self.remainingByteCount -= byteCount
            return .payload(byteCount: byteCount, isEnd: self.remainingByteCount == 0)
        }
        guard let head = HTTP2FrameHead(bytes, at: index) else { return .incomplete }
        self.remainingByteCount = head.payloadByteCount
        return .head(head)
    }
}
