import DequeModule
import NIOCore

/// Pages of catch-up that were encoded a moment ago, for other readers of the same page on the same terms.
///
/// After a restart of a proxy a crowd comes back with the same cursor. A page that was cut by its size is the same for all
/// of them, wherever the log's head is by then; one that was not cut serves readers with the same end. A page is kept for
/// `lifetime`; all pages of a home have `maximumBytes`, beyond which the oldest go early. A pure value.
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
        /// Whether the reader asked for it; otherwise it is framed as its group's live frames are.
        var isAskedFor = true
        /// Whether it comes out of the store: memory no longer has what comes after the cursor.
        var isStored = false
    }

    private struct Kept {
        var page: EncodedPage
        /// How far its first reader might read.
        var end: Seq
    }

    /// The time for which a page serves others; messages that were superseded or evicted in it may be in the page.
    static let lifetime = TimeAmount.milliseconds(100)
    /// The most bytes of all pages.
    static let maximumBytes = 4 * 1024 * 1024

    private var pages: [Key: Kept] = [:]
    private var order: Deque<(key: Key, madeAt: NIODeadline)> = []
    private(set) var byteCount = 0

    /// The page for a reader who may read through `end`; nil if there is none, or it goes further or was made for less.
    mutating func page(for key: Key, through end: Seq, now: NIODeadline) -> EncodedPage? {
        while let oldest = self.order.first, oldest.madeAt + Self.lifetime <= now {
            self.removeOldest()
        }
        guard let kept = self.pages[key] else {
            return nil
        }
        let through = kept.page.frames.through
        return through == end || through < min(end, kept.end) ? kept.page : nil
    }

    /// Keeps a page that was made for a reader who may read through `end`.
    mutating func insert(_ page: EncodedPage, for key: Key, through end: Seq, now: NIODeadline) {
        let byteCount = page.frames.plain.readableBytes
        guard self.pages[key].map({ $0.end < end }) ?? true, byteCount <= Self.maximumBytes else {
            return
        }
        // The one for a reader who might read less far gives way, and leaves its time to it.
        if self.pages[key] == nil {
            self.order.append((key, now))
        } else {
            self.remove(key)
        }
        self.pages[key] = Kept(page: page, end: end)
        self.byteCount += byteCount
        while self.byteCount > Self.maximumBytes {
            self.removeOldest()
        }
    }

    /// A life of a scan is over, and its pages with it.
    mutating func remove(epoch: String) {
        let (old, kept) = (self.order, self.order.filter { $0.key.epoch != epoch })
        guard kept.count < old.count else {
            return
        }
        self.order = kept
        for (key, _) in old where key.epoch == epoch {
            self.remove(key)
        }
    }

    private mutating func removeOldest() {
        if let oldest = self.order.popFirst() {
            self.remove(oldest.key)
        }
    }

    private mutating func remove(_ key: Key) {
        if let kept = self.pages.removeValue(forKey: key) {
            self.byteCount -= kept.page.frames.plain.readableBytes
        }
    }
}

/// A page of the log as it goes out to one member, or to several.
struct EncodedPage: Sendable {
    var frames: OutgoingFrames
    /// The losses that its frames tell, for each member's account.
    var notices: [LagNotice]
}
