import NIOCore
import TestSupport
import Testing

@testable import SluiceRelay

@Suite("Pages that are being made")
struct PageDeskTests {
    private static func key(
        _ cursor: Seq,
        epoch: String = "e",
        maximumBytes: Int = 256 * 1024,
        isStored: Bool = true
    ) -> PageCache.Key {
        PageCache.Key(
            epoch: epoch,
            form: .webSocket(.plain),
            filter: .everything,
            isBatched: true,
            cursor: cursor,
            reason: .historyEvicted,
            maximumBytes: maximumBytes,
            isStored: isStored
        )
    }

    private static func reader(_ number: Int) -> PageReader {
        PageReader(id: SubscriptionID(UInt64(number)), end: 1000)
    }

    @Test("A page is made once for all who want it by the time it is there")
    func joins() {
        var desk = PageDesk<String>()
        desk.ask(Self.reader(2), for: Self.key(0), "first")
        #expect(desk.next() == "first")
        desk.ask(Self.reader(1), for: Self.key(0), "again")
        #expect(desk.next() == nil)
        desk.ask(Self.reader(3), for: Self.key(5), "other")
        #expect(desk.next() == "other")
        #expect(desk.finish(Self.key(0)) == [Self.reader(1), Self.reader(2)])
        #expect(desk.finish(Self.key(0)).isEmpty)
        // A later request is for another page.
        desk.ask(Self.reader(1), for: Self.key(0), "later")
        #expect(desk.next() == "later")
    }

    @Test("What its readers have left waits no more, also while its source stands still")
    func abandoned() {
        var desk = PageDesk<Int>()
        let room = PageDesk<Int>.maximumBytes / (256 * 1024)
        for number in 0..<room {
            desk.ask(Self.reader(number), for: Self.key(Seq(clamping: UInt64(number))), number)
            #expect(desk.next() == number)
        }
        for cursor in 1000..<2000 {
            desk.ask(Self.reader(room), for: Self.key(Seq(clamping: UInt64(cursor))), cursor)
            #expect(desk.next() == nil && desk.waitingCount == 1)
            // The last one joins it, and waits on.
            if cursor == 1999 {
                desk.ask(Self.reader(room + 1), for: Self.key(1999), cursor)
            }
            desk.leave(Self.reader(room).id)
        }
        #expect(desk.waitingCount == 1 && desk.readerCount == room + 1)
        #expect(desk.finish(Self.key(0)) == [Self.reader(0)])
        #expect(desk.next() == 1999)
    }

    @Test("So many bytes are made at a time, and a scan with many readers does not keep another one waiting")
    func bound() {
        var desk = PageDesk<Int>()
        let perPage = 256 * 1024
        let room = PageDesk<Int>.maximumBytes / perPage
        for number in 0..<100 {
            desk.ask(Self.reader(number), for: Self.key(Seq(clamping: UInt64(number)), epoch: "crowded"), number)
        }
        for number in 0..<room {
            #expect(desk.next() == number)
        }
        #expect(desk.next() == nil)
        #expect(desk.byteCount == PageDesk<Int>.maximumBytes)
        desk.ask(Self.reader(200), for: Self.key(0, epoch: "quiet"), 200)
        _ = desk.finish(Self.key(0, epoch: "crowded"))
        #expect(desk.next() == room)
        _ = desk.finish(Self.key(1, epoch: "crowded"))
        #expect(desk.next() == 200)
    }

    @Test("A disk that stands still does not hold up what memory has")
    func lanes() {
        var desk = PageDesk<Int>()
        for number in 0..<100 {
            desk.ask(Self.reader(number), for: Self.key(Seq(clamping: UInt64(number))), number)
        }
        while desk.next() != nil {}
        desk.ask(Self.reader(500), for: Self.key(0, isStored: false), 500)
        #expect(desk.next() == 500)
    }

    @Test("A page that is larger than all that may be made is made alone")
    func alone() {
        var desk = PageDesk<Int>()
        desk.ask(Self.reader(1), for: Self.key(0, maximumBytes: 2 * PageDesk<Int>.maximumBytes), 1)
        desk.ask(Self.reader(2), for: Self.key(1), 2)
        #expect(desk.next() == 1)
        #expect(desk.next() == nil)
    }

    @Test("What nobody waits for any more is not made, and is handed to nobody")
    func leaving() {
        var desk = PageDesk<Int>()
        desk.ask(Self.reader(1), for: Self.key(0), 1)
        desk.ask(Self.reader(2), for: Self.key(1), 2)
        desk.leave(Self.reader(1).id)
        #expect(desk.next() == 2)
        desk.leave(Self.reader(2).id)
        #expect(!desk.isWanted(Self.key(1)))
        #expect(desk.finish(Self.key(1)).isEmpty)
        #expect(desk.byteCount == 0)
    }

    @Test("With a life of a scan go its pages; one under way counts until it is there")
    func removal() {
        var desk = PageDesk<Int>()
        desk.ask(Self.reader(1), for: Self.key(0), 1)
        #expect(desk.next() == 1)
        desk.ask(Self.reader(2), for: Self.key(1), 2)
        desk.ask(Self.reader(3), for: Self.key(0, epoch: "f"), 3)
        desk.remove(epoch: "e")
        #expect(desk.readerCount == 1)
        #expect(desk.byteCount == 256 * 1024)
        #expect(desk.finish(Self.key(0)).isEmpty)
        #expect(desk.byteCount == 0)
        #expect(desk.next() == 3)
        #expect(desk.next() == nil)
    }

    @Test(
        "Whatever happens each reader gets the page that it asked for last, once",
        arguments: 0..<200 as Range<UInt64>
    )
    func random(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var desk = PageDesk<PageCache.Key>()
        var wanted: [SubscriptionID: PageCache.Key] = [:]
        var made: [PageCache.Key] = []
        func finish(_ index: Int) {
            let key = made.remove(at: index)
            for reader in desk.finish(key) {
                #expect(wanted.removeValue(forKey: reader.id) == key)
            }
        }
        func start() {
            while let key = desk.next() {
                #expect(!made.contains(key))
                made.append(key)
            }
            for lane in [true, false] {
                let bytes = made.filter { $0.isStored == lane }.map(\.maximumBytes)
                #expect(bytes.reduce(0, +) <= PageDesk<Int>.maximumBytes || bytes.count == 1)
            }
        }
        for _ in 0..<400 {
            let reader = Self.reader(Int.random(in: 0..<40, using: &random))
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<10:
                let key = Self.key(
                    Seq(clamping: UInt64.random(in: 0..<12, using: &random)),
                    epoch: "\(Int.random(in: 0..<3, using: &random))",
                    maximumBytes: [1024 * 1024, 5 * 1024 * 1024, 64 * 1024].randomElement(using: &random) ?? 1,
                    isStored: Bool.random(using: &random)
                )
                wanted[reader.id] = key
                desk.ask(reader, for: key, key)
            case 10..<12:
                wanted[reader.id] = nil
                desk.leave(reader.id)
            case 12:
                let epoch = "\(Int.random(in: 0..<3, using: &random))"
                wanted = wanted.filter { $0.value.epoch != epoch }
                desk.remove(epoch: epoch)
            default:
                if !made.isEmpty {
                    finish(Int.random(in: 0..<made.count, using: &random))
                }
            }
            start()
            #expect(desk.readerCount == wanted.count)
        }
        while !made.isEmpty {
            finish(0)
            start()
        }
        #expect(wanted.isEmpty)
        #expect(desk.byteCount == 0 && desk.readerCount == 0)
    }
}
