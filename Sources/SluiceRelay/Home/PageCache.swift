import DequeModule
import NIOCore

/// Recently encoded pages of catch-up, for other readers of the same page on the same terms.
///
/// After a proxy restarts, a crowd comes back with the same cursor. A page cut by its size is the same for all of them,
/// wherever the log's head is by then; a page that was not cut serves readers with the same end. A page is kept for
/// `lifetime`; beyond `maximumBytes` for all pages of a home the oldest go early. A pure value.
struct PageCache {
    /// What two readers have to have in common to share a page.
    struct Key: Hashable {
        /// The life of the scan.
        var epoch: String
        var form: WireForm
        var filter: TypeFilter
        var isBatched: Bool
        var cursor: Seq
        var reason: LagNotice.Reason
        var maximumBytes: Int
        /// Whether the reader asked for it; otherwise it is framed like its group's live frames.
        var isAskedFor = true
        /// Whether it comes from the store, because memory has dropped messages after the cursor.
        var isStored = false
    }

    private struct Kept {
        var page: EncodedPage
        /// The last seq that its first reader might read.
        var end: Seq
    }

    /// How long a page is shared; it may still hold messages that were superseded or evicted within that time.
    static let lifetime = TimeAmount.milliseconds(100)
    /// The most bytes of all pages of a home.
    static let maximumBytes = 4 * 1024 * 1024

    private var pages: [Key: Kept] = [:]
    private var order: Deque<(key: Key, madeAt: NIODeadline)> = []
    private(set) var byteCount = 0

    /// The page for a reader who may read through `end`; nil if there is none, if it goes further, or if it was made
    /// for a smaller end and not cut.
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
        // A page made for a smaller end is replaced; the new one expires when the old one would have.
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

    /// Drops the pages of a life of a scan that is over.
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

/// A page of the log, encoded for one or more members.
struct EncodedPage: Sendable {
    var frames: OutgoingFrames
    /// The losses that its frames announce, for each member's counts.
    var notices: [LagNotice]
}
