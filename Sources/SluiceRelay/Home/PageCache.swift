import DequeModule
import NIOCore

/// Pages of catch-up that were encoded a moment ago, for the others who read the same on the same terms.
///
/// After a restart of a proxy a crowd comes back with the same cursor. A page that was cut by its size is the same for
/// all of them, wherever the log's head is by then. It is kept for `lifetime`, and all pages of a home up to
/// `maximumBytes`; the oldest go early. A pure value.
struct PageCache {
    /// What two readers have to have in common.
    struct Key: Hashable {
        /// Which life of which scan.
        var epoch: String
        var form: WireForm
        var filter: TypeFilter
        var isBatched: Bool
        var cursor: Seq
        var reason: LagNotice.Reason
        var maximumBytes: Int
    }

    /// How long a page is good for: what was conflated or evicted meanwhile may be in it still.
    static let lifetime = TimeAmount.milliseconds(100)
    /// The most bytes of all pages.
    static let maximumBytes = 4 * 1024 * 1024

    private var pages: [Key: EncodedPage] = [:]
    private var order: Deque<(key: Key, madeAt: NIODeadline)> = []
    private(set) var byteCount = 0

    /// The page for a reader who may read through a seq; nil where there is none that was cut before it.
    mutating func page(for key: Key, through end: Seq, now: NIODeadline) -> EncodedPage? {
        while let oldest = self.order.first, oldest.madeAt + Self.lifetime <= now {
            self.removeOldest()
        }
        guard let page = self.pages[key], page.frames.through < end else {
            return nil
        }
        return page
    }

    /// Keeps a page that was cut.
    mutating func insert(_ page: EncodedPage, for key: Key, now: NIODeadline) {
        let byteCount = page.frames.plain.readableBytes
        guard self.pages[key] == nil, byteCount <= Self.maximumBytes else {
            return
        }
        self.pages[key] = page
        self.order.append((key, now))
        self.byteCount += byteCount
        while self.byteCount > Self.maximumBytes {
            self.removeOldest()
        }
    }

    private mutating func removeOldest() {
        guard let oldest = self.order.popFirst(), let page = self.pages.removeValue(forKey: oldest.key) else {
            return
        }
        self.byteCount -= page.frames.plain.readableBytes
    }
}

/// A page of the log as it goes out to one member, or to several.
struct EncodedPage: Sendable {
    var frames: OutgoingFrames
    /// The losses that its frames tell, for each member's account.
    var notices: [LagNotice]
}
