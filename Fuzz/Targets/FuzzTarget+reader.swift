import Logging
import NIOCore
import NIOEmbedded
import SluiceBase
import SluiceHTTP
import SluiceWire

@testable import SluiceRelay
@testable import SluiceServer

extension FuzzTarget {
    /// A relay with one scan, of which a reader wants something.
    private final class Bench: SubscriptionDelegate {
        static let ordinaryCount = 9
        let scanID: ScanID
        let relay: Relay
        private let channel: EmbeddedChannel
        private let outbox: Outbox

        private final class Last: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
        }

        // A scan that was in a store, or one that began here.
        init(_ scanID: ScanID, _ parser: MessageParser, store: FuzzStore?) throws {
            let loop = EmbeddedEventLoop()
            var configuration = RelayConfiguration()
            configuration.history.messageCount = 3
            configuration.maximumBatchCount = 2
            self.scanID = scanID
            self.channel = EmbeddedChannel(loop: loop)
            self.relay = Relay(
                eventLoops: [loop],
                configuration: configuration,
                memory: CompressionMemory(limit: 0),
                store: store,
                stored: store.map { [$0.scan] } ?? [],
                logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            )
            let handler = Last()
            try self.channel.pipeline.syncOperations.addHandler(handler)
            let context = try self.channel.pipeline.syncOperations.context(handler: handler)
            self.outbox = Outbox(context: context, fanOut: self.relay.fanOut(of: loop), maximumBufferedBytes: 1 << 20)
            let posted = store == nil ? Self.ordinaryCount : 1
            let line = ByteBuffer(string: "{\"type\":\"a\"}")
            var messages = try (0..<posted).compactMap { _ in try parser.parseLine(line) }
            if store == nil {
                messages.insert(
                    contentsOf: try parser.parseDocument(
                        ByteBuffer(string: "[{\"type\":\"error\"},{\"type\":\"stats\"}]"),
                        maximumCount: 2
                    ),
                    at: 2
                )
            }
            let request = IngestRequest(scanID: scanID, messages: messages, at: WallTime(milliseconds: 0))
            _ = self.relay.ingest(request, on: loop)
            loop.run()
        }

        func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd) {}

        /// Reads pages as long as there are more, and gives up after as many as there can be.
        func readHistory(_ request: HistoryRequest) throws(BrokenPromise) {
            var request = request
            for _ in 0...16 {
                guard let next = try self.next(after: request) else {
                    return
                }
                switch request.order {
                case .ascending: request.after = next
                case .descending: request.before = next
                }
            }
            throw BrokenPromise(what: "history has an end")
        }

        private func next(after request: HistoryRequest) throws(BrokenPromise) -> Seq? {
            var answer: HistoryPage?
            self.relay.history(of: self.scanID, request, on: self.channel.eventLoop).assumeIsolated()
                .whenSuccess { answer = $0 }
            self.channel.embeddedEventLoop.run()
            guard let page = answer else {
                throw BrokenPromise(what: "a scan has history")
            }
            for (entry, following) in zip(page.entries, page.entries.dropFirst()) {
                let isInOrder = (entry.seq < following.seq) == (request.order == .ascending)
                try FuzzTarget.promise(isInOrder, "a page has its order")
            }
            for entry in page.entries {
                try FuzzTarget.promise(entry.seq > request.after, "history begins after what the reader has")
                try FuzzTarget.promise(request.before.map { entry.seq < $0 } ?? true, "and ends where it is to end")
                try FuzzTarget.promise(request.selection.passes(entry.message), "it holds what was asked for")
            }
            let isFurther = page.next.map { next in
                request.order == .ascending ? next > request.after : request.before.map { next < $0 } ?? true
            }
            try FuzzTarget.promise(isFurther ?? true, "a next page is further on")
            return page.next
        }

        /// Follows the scan; whoever does has everything in the end, whatever it began with.
        func follow(_ query: SubscriptionQuery, _ form: WireForm) throws(BrokenPromise) {
            let subscriber = self.relay.subscribe(
                query.request(for: self.scanID, form: form),
                outbox: self.outbox,
                delegate: self,
                on: self.channel.eventLoop
            )
            self.channel.embeddedEventLoop.run()
            var head: Seq?
            let state = self.relay.state(of: self.scanID, on: self.channel.eventLoop)
            state.assumeIsolated().whenSuccess { head = $0?.seq }
            self.channel.embeddedEventLoop.run()
            // What does not pass its filter is not written, and moves no cursor there.
            let hasAll = query.filter == .everything ? subscriber.cursor == head : subscriber.cursor <= head ?? 0
            try FuzzTarget.promise(hasAll, "a subscriber is told all that there is for it")
            self.relay.unsubscribe(subscriber, on: self.channel.eventLoop)
        }

        func end() {
            _ = try? self.channel.finish(acceptAlreadyClosed: true)
        }
    }

    /// The first line is a query, the second a `Last-Event-ID`, the third a client's frame: none of them may harm the
    /// relay, of a scan that lives in memory alone or of one whose stored log is gone.
    static func runReader(_ bytes: [UInt8]) throws(BrokenPromise) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        guard let scanID = ScanID("fuzz"), let parser = self.parser else {
            throw BrokenPromise(what: "the scan has a name")
        }
        let header = StoredHeader(
            id: scanID,
            epoch: "k3v9",
            owner: nil,
            name: nil,
            isCompleted: false,
            isRemoved: false
        )
        let ages = StoredAges(sinceCreated: .zero, sinceHeard: .zero, sinceCompleted: nil)
        // Where numbers end.
        let scan = StoredScan(life: 1, header: header, head: .max.previous, ages: ages)
        for store in [nil, FuzzStore(scan: scan)] {
            guard let bench = try? Bench(scanID, parser, store: store) else {
                throw BrokenPromise(what: "a scan takes messages")
            }
            defer { bench.end() }
            try self.read(bench, lines.map { Array($0) })
        }
    }

    private static func read(_ bench: Bench, _ lines: [[UInt8]]) throws(BrokenPromise) {
        let text = String(decoding: lines.first ?? [], as: UTF8.self)
        if let query = QueryParameters(text, maximumCount: 16) {
            let limit = (try? QueryReader.integer("limit", in: query, 1...4)) ?? 2
            let since = try? QueryReader.seq("since", in: query)
            let before = try? QueryReader.seq("before", in: query)
            if since != nil || before != nil {
                var request = HistoryRequest(maximumCount: Int(clamping: limit), maximumBytes: 1000)
                request.after = since ?? 0
                request.before = before
                try bench.readHistory(request)
                request.order = .descending
                try bench.readHistory(request)
                request.selection.search = TextSearch((lines.last ?? []).prefix(2))
                try bench.readHistory(request)
            }
            if var request = try? HistoryQuery(query).request {
                request.maximumCount = min(request.maximumCount, 4)
                request.maximumBytes = 1000
                try bench.readHistory(request)
            }
            _ = try? StatsQuery(query)
            if let subscription = try? SubscriptionQuery(query) {
                try bench.follow(subscription, .webSocket(.plain))
            }
        }
        var resumed = SubscriptionQuery()
        if lines.count > 1, (try? resumed.resume(after: String(decoding: lines[1], as: UTF8.self))) != nil {
            try bench.follow(resumed, .eventStream(isChunked: true))
        }
        if lines.count > 2, case .subscribe(_, let query)? = try? ClientAction(ByteBuffer(bytes: lines[2])).kind {
            try bench.follow(query, .webSocket(.plain))
        }
    }
}
