import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceHTTP
import TestSupport
import Testing

@testable import SluiceRelay
@testable import SluiceServer

@Suite("Pages of history")
struct HistoryBodyTests {
    /// A scan of equal messages, read in slices.
    private final class History {
        let loop = EmbeddedEventLoop()
        let entries: [LogEntry]
        private(set) var asked: [HistoryRequest] = []
        /// The results that replace the answers, by the number of the reading.
        var failures: [Int: Result<HistoryPage?, any Error>] = [:]

        init(count: Int, bytes: Int) throws {
            let parser = MessageParser(
                rules: MessageRules(RelayConfiguration()),
                scanID: try #require(ScanID("a")),
                maximumMessageBytes: 1 << 20
            )
            let text = #"{"type":"t","x":""# + String(repeating: "x", count: bytes) + #""}"#
            let message = try #require(try parser.parseLine(ByteBuffer(string: text)))
            self.entries = (1...count)
                .map { LogEntry(seq: Seq(clamping: $0), at: WallTime(milliseconds: Int64($0)), message: message) }
        }

        func page(_ request: HistoryRequest) -> HistoryPage {
            var taken: [LogEntry] = []
            var left = request.maximumBytes
            let isUpward = request.order == .ascending
            let asked = self.entries.filter { $0.seq > request.after && $0.seq < request.before ?? .max }
            for entry in isUpward ? asked : asked.reversed() where taken.count < request.maximumCount && left > 0 {
                taken.append(entry)
                left -= entry.message.byteCount
            }
            return HistoryPage(epoch: "e", entries: taken, next: taken.count < asked.count ? taken.last?.seq : nil)
        }

        func body(
            count: Int,
            bytes: Int = 4 << 20,
            hasTimes: Bool = false,
            order: LogStretch.Order = .ascending
        ) throws -> HistoryBody {
            var request = HistoryRequest(maximumCount: count, maximumBytes: bytes)
            request.order = order
            return HistoryBody(
                self.page(HistoryBody.slice(of: request)),
                of: request,
                scanID: try #require(ScanID("a")),
                hasTimes: hasTimes
            ) { request in
                self.asked.append(request)
                if let failure = self.failures[self.asked.count] {
                    return self.loop.makeCompletedFuture(failure)
                }
                return self.loop.makeSucceededFuture(self.page(request))
            }
        }

        /// The whole text, and its longest piece.
        func read(_ body: HistoryBody) throws -> (text: String, longest: Int) {
            var text = ByteBuffer()
            var longest = 0
            for _ in 0..<10_000 {
                switch body.next(maximumBytes: 64 * 1024) {
                case .bytes(let piece):
                    longest = max(longest, piece.readableBytes)
                    text.writeImmutableBuffer(piece)
                case .later(let future):
                    try future.wait()
                case .end:
                    return (String(buffer: text), longest)
                }
            }
            Issue.record("the body has no end")
            return ("", 0)
        }
    }

    private static func seqs(in text: String) -> [Int] {
        text.parts(between: "{\"seq\":").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
    }

    @Test("A page is read in slices, and is what it would be at once")
    func slices() throws {
        let history = try History(count: 1000, bytes: 4000)
        let (text, longest) = try history.read(try history.body(count: 900))
        #expect(text.hasPrefix(#"{"scanId":"a","epoch":"e","messages":[{"seq":1,"type":"t","x":"xx"#))
        #expect(text.hasSuffix(#"xx"}],"next":900}"#))
        #expect(Self.seqs(in: text) == Array(1...900))
        #expect(longest < 64 * 1024 + 5000)
        #expect(history.asked.count > 10)
        #expect(history.asked.allSatisfy { $0.maximumBytes <= HistoryBody.sliceBytes })
    }

    @Test("Downwards it is read in slices as well")
    func descending() throws {
        let history = try History(count: 1000, bytes: 4000)
        let (text, _) = try history.read(try history.body(count: 900, order: .descending))
        #expect(Self.seqs(in: text) == Array((101...1000).reversed()))
        #expect(text.hasSuffix(#"xx"}],"next":101}"#))
        #expect(history.asked.count > 10)
    }

    @Test("Where much is looked through in vain the page ends, with a next one")
    func vain() throws {
        let history = try History(count: 1000, bytes: 4000)
        history.failures[1] = .success(HistoryPage(epoch: "e", entries: [], next: 500))
        let (text, _) = try history.read(try history.body(count: 1000))
        #expect(text.hasSuffix("],\"next\":500}"))
        #expect(history.asked.count == 1)
    }

    @Test("It ends at its limit of bytes, and says from where to go on")
    func bytes() throws {
        let history = try History(count: 1000, bytes: 4000)
        let (text, _) = try history.read(try history.body(count: 1000, bytes: 1_000_000))
        let last = try #require(Self.seqs(in: text).last)
        #expect((249...250).contains(last))
        #expect(text.hasSuffix("],\"next\":\(last)}"))
    }

    @Test("The last page has no next, and times are told in the order of the messages")
    func times() throws {
        let history = try History(count: 3, bytes: 10)
        let (text, _) = try history.read(try history.body(count: 1000, hasTimes: true))
        #expect(text.hasSuffix(#"],"times":[1,2,3],"next":null}"#))
        #expect(history.asked.isEmpty)
    }

    @Test("A slice that cannot be read ends the page, and the next request will hear of it")
    func failures() throws {
        let other = HistoryPage(epoch: "another", entries: [], next: nil)
        for failure in [.failure(RelayRefusal.storageUnavailable), .success(nil), .success(other)]
            as [Result<HistoryPage?, any Error>]
        {
            let history = try History(count: 1000, bytes: 4000)
            history.failures[2] = failure
            let (text, _) = try history.read(try history.body(count: 1000))
            let last = try #require(Self.seqs(in: text).last)
            #expect((100...200).contains(last))
            #expect(text.hasSuffix("],\"next\":\(last)}"))
            #expect(history.asked.count == 2)
        }
    }
}
