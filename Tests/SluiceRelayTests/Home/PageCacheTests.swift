import NIOCore
import Testing

@testable import SluiceRelay

@Suite("Pages that readers share")
struct PageCacheTests {
    private static func key(_ cursor: Seq) -> PageCache.Key {
        PageCache.Key(
            epoch: "e",
            form: .webSocket(.plain),
            filter: .everything,
            isBatched: true,
            cursor: cursor,
            reason: .historyEvicted,
            maximumBytes: 1000
        )
    }

    private static func page(after cursor: Seq, through: Seq, byteCount: Int = 10) -> EncodedPage {
        var frames = OutgoingFrames(after: cursor)
        frames.through = through
        frames.plain.writeRepeatingByte(0, count: byteCount)
        return EncodedPage(frames: frames, notices: [])
    }

    @Test("A page that was cut is good for who may read as far or beyond it, and for no other")
    func ends() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        cache.insert(Self.page(after: 0, through: 50), for: Self.key(0), through: 90, now: now)
        #expect(cache.page(for: Self.key(0), through: 51, now: now)?.frames.through == 50)
        #expect(cache.page(for: Self.key(0), through: 50, now: now)?.frames.through == 50)
        #expect(cache.page(for: Self.key(0), through: 49, now: now) == nil)
        #expect(cache.page(for: Self.key(1), through: 51, now: now) == nil)
    }

    @Test("A page that was not is good for who may read exactly as far")
    func wholeEnds() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        cache.insert(Self.page(after: 0, through: 50), for: Self.key(0), through: 50, now: now)
        #expect(cache.page(for: Self.key(0), through: 50, now: now)?.frames.through == 50)
        #expect(cache.page(for: Self.key(0), through: 51, now: now) == nil)
        #expect(cache.page(for: Self.key(0), through: 49, now: now) == nil)
    }

    @Test("The page for who may read on takes the place of one that ended with the log")
    func longerEnds() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        cache.insert(Self.page(after: 0, through: 50), for: Self.key(0), through: 50, now: now)
        cache.insert(Self.page(after: 0, through: 51, byteCount: 20), for: Self.key(0), through: 90, now: now)
        #expect(cache.page(for: Self.key(0), through: 90, now: now)?.frames.through == 51)
        cache.insert(Self.page(after: 0, through: 50), for: Self.key(0), through: 50, now: now)
        #expect(cache.page(for: Self.key(0), through: 90, now: now)?.frames.through == 51)
        #expect(cache.byteCount == 20)
        #expect(cache.page(for: Self.key(0), through: 90, now: now + PageCache.lifetime) == nil)
        #expect(cache.byteCount == 0)
    }

    @Test("With a life of a scan go its pages, and no other's")
    func removal() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        var other = Self.key(0)
        other.epoch = "f"
        for key in [Self.key(0), other, Self.key(1)] {
            cache.insert(Self.page(after: key.cursor, through: 50), for: key, through: 90, now: now)
        }
        cache.remove(epoch: "e")
        #expect(cache.byteCount == 10)
        #expect(cache.page(for: Self.key(0), through: 90, now: now) == nil)
        #expect(cache.page(for: other, through: 90, now: now) != nil)
        #expect(cache.page(for: other, through: 90, now: now + .milliseconds(100)) == nil)
        #expect(cache.byteCount == 0)
    }

    @Test("It is kept for a tenth of a second")
    func lifetime() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        cache.insert(Self.page(after: 0, through: 50), for: Self.key(0), through: 90, now: now)
        #expect(cache.page(for: Self.key(0), through: 90, now: now + .milliseconds(99)) != nil)
        #expect(cache.page(for: Self.key(0), through: 90, now: now + .milliseconds(100)) == nil)
        #expect(cache.byteCount == 0)
    }

    @Test("All together have a bound in bytes, and the oldest go first")
    func bound() {
        var cache = PageCache()
        let now = NIODeadline.uptimeNanoseconds(0)
        for number in 0..<10 {
            let cursor = Seq(clamping: UInt64(number))
            cache.insert(
                Self.page(after: cursor, through: 50, byteCount: PageCache.maximumBytes / 4),
                for: Self.key(cursor),
                through: 90,
                now: now
            )
            #expect(cache.byteCount <= PageCache.maximumBytes)
        }
        #expect(cache.page(for: Self.key(5), through: 90, now: now) == nil)
        #expect(cache.page(for: Self.key(6), through: 90, now: now) != nil)
        let large = Self.page(after: 0, through: 50, byteCount: PageCache.maximumBytes + 1)
        cache.insert(large, for: Self.key(0), through: 90, now: now)
        #expect(cache.page(for: Self.key(0), through: 90, now: now) == nil)
    }
}
