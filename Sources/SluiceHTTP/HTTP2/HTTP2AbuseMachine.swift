internal import NIOCore

/// Decides whether a client makes more of HTTP/2's machinery than any use of it needs: header blocks without end, and
/// frames that cost work and say nothing.
///
/// The counts are those of a connection, over the last ten seconds. Beyond a limit the connection is ended with
/// `ENHANCE_YOUR_CALM`.
struct HTTP2AbuseMachine {
    /// The most bytes of a header block, as it is sent; as long may the list of fields be that it stands for.
    static let maximumHeaderListBytes = 64 * 1024
    /// The most CONTINUATION frames of a header block.
    static let maximumContinuationCount = 16
    /// The most resets, those included that a client's breach of the protocol causes.
    static let maximumResetCount = 200
    /// The most frames of each other kind that is counted, and the most streams beyond those that may be open.
    static let maximumFrameCount = 1000
    /// The most bytes of a SETTINGS frame, which are 32 settings: each may cost a walk over all streams.
    static let maximumSettingsBytes = 192
    /// How many window updates may follow each frame of data that was sent, for the connection and for streams: clients
    /// return a frame's bytes in pieces.
    static let updatesPerFrame = 10

    private var resets = RecentCount()
    private var settings = RecentCount()
    private var pings = RecentCount()
    private var emptyData = RecentCount()
    /// PRIORITY and GOAWAY frames, and those of extensions: all are without effect here.
    private var priorities = RecentCount()
    private var windowUpdates = RecentCount()
    private var refusedStreams = RecentCount()
    private var blockByteCount = 0
    private var continuationCount = 0
    /// How many window updates may still free something that was sent.
    private var updateCredit = (connection: 0, streams: 0)
    /// Whether a header block has begun and is not complete.
    private(set) var isWithinHeaderBlock = false
    /// How many header blocks have begun.
    private(set) var headerBlockCount = 0

    /// A frame is about to be taken.
    ///
    /// - Returns: Whether it is one too many.
    mutating func received(_ head: HTTP2FrameHead, now: NIODeadline) -> Bool {
        switch head.kind {
        case .headers:
            self.blockByteCount = head.payloadByteCount
            self.continuationCount = 0
            self.isWithinHeaderBlock = true
            self.headerBlockCount += 1
            return self.blockByteCount > Self.maximumHeaderListBytes
        case .continuation:
            self.blockByteCount += head.payloadByteCount
            self.continuationCount += 1
            return self.continuationCount > Self.maximumContinuationCount
                || self.blockByteCount > Self.maximumHeaderListBytes
        case .resetStream:
            return self.resets.add(now: now) > Self.maximumResetCount
        case .settings:
            return head.payloadByteCount > Self.maximumSettingsBytes
                || self.settings.add(now: now) > Self.maximumFrameCount
        case .ping:
            return self.pings.add(now: now) > Self.maximumFrameCount
        case .data:
            return head.isEmptyData && self.emptyData.add(now: now) > Self.maximumFrameCount
        case .priority, .goAway, nil:
            return self.priorities.add(now: now) > Self.maximumFrameCount
        case .windowUpdate:
            return !self.frees(head) && self.windowUpdates.add(now: now) > Self.maximumFrameCount
        case .pushPromise:
            return false
        }
    }

    /// The payload of a frame has arrived as a whole.
    mutating func ended(_ head: HTTP2FrameHead) {
        if head.kind == .headers || head.kind == .continuation, head.endsHeaders {
            self.isWithinHeaderBlock = false
        }
    }

    /// A frame of data was sent.
    mutating func sentData() {
        self.updateCredit.connection += Self.updatesPerFrame
        self.updateCredit.streams += Self.updatesPerFrame
    }

    /// A stream was reset because of what the client sent.
    ///
    /// - Returns: Whether it is one too many.
    mutating func sentReset(now: NIODeadline) -> Bool {
        self.resets.add(now: now) > Self.maximumResetCount
    }

    /// A stream beyond the most that may be open was refused.
    ///
    /// A client may open a few before it knows the limit.
    ///
    /// - Returns: Whether it is one too many.
    mutating func refusedStream(now: NIODeadline) -> Bool {
        self.refusedStreams.add(now: now) > Self.maximumFrameCount
    }

    /// Whether a window update may return data that was sent.
    private mutating func frees(_ head: HTTP2FrameHead) -> Bool {
        if head.streamID == 0, self.updateCredit.connection > 0 {
            self.updateCredit.connection -= 1
            return true
        }
        if head.streamID != 0, self.updateCredit.streams > 0 {
            self.updateCredit.streams -= 1
            return true
        }
        return false
    }
}

/// How often something happened within the last ten seconds, the present one included.
struct RecentCount {
    private static let sliceCount = 10

    private var counts = InlineArray<10, UInt16>(repeating: 0)
    private var total = 0
    /// The second that was counted last.
    private var second: UInt64 = 0

    /// It happened once more.
    ///
    /// - Returns: How often it has happened now.
    mutating func add(now: NIODeadline) -> Int {
        let second = now.uptimeNanoseconds / 1_000_000_000
        if second > self.second {
            for past in 1...min(second - self.second, UInt64(Self.sliceCount)) {
                let place = Int((self.second + past) % UInt64(Self.sliceCount))
                self.total -= Int(self.counts[place])
                self.counts[place] = 0
            }
            self.second = second
        }
        let place = Int(self.second % UInt64(Self.sliceCount))
        if self.counts[place] < .max {
            self.counts[place] += 1
            self.total += 1
        }
        return self.total
    }
}
