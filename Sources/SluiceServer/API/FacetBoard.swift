internal import NIOCore
internal import SluiceBase
internal import SluiceRelay
internal import Synchronization

/// The tallies of scans that somebody asked for, each kept as far as its log was read.
///
/// Nothing is counted while messages pass: a request reads on from where the last one ended, a bounded part of the log in
/// slices, on its own event loop. Requests that come meanwhile get the same answer. All tallies together have a limit in
/// bytes; beyond it those that were least recently asked for are forgotten, and counted from the start when asked for
/// again.
final class FacetBoard: Sendable {
    /// Reads a page of a scan's log, on a loop.
    typealias Read = @Sendable (ScanID, HistoryRequest, any EventLoop) -> EventLoopFuture<HistoryPage?>

    typealias Limits = GatewayConfiguration.Limits.Facets

    /// What was counted and forgotten so far.
    struct Counts: Sendable, Equatable {
        /// Bytes of the tallies that are kept, about.
        var bytes = 0
        /// Tallies that were forgotten for want of room.
        var forgotten = 0
    }

    /// The most bytes of messages that one request reads, and how many of them in one turn of the loop.
    static let maximumBytes = 1024 * 1024
    static let sliceBytes = 64 * 1024
    static let sliceCount = 500

    private struct Book {
        /// The tally; nil while a request counts, and before the first one has ended.
        var tally: FacetTally?
        /// Those who wait for the request that counts.
        var waiting: [EventLoopPromise<FacetTally?>] = []
        var byteCount = 0
        /// Whether the scan was removed while a request counted.
        var isGone = false
        /// When it was last asked for, in requests.
        var askedAt: UInt64
    }

    private struct State {
        var books: [ScanID: Book] = [:]
        var counts = Counts()
        var requestCount: UInt64 = 0
    }

    private let read: Read
    private let state = Mutex(State())

    init(read: @escaping Read) {
        self.read = read
    }

    var counts: Counts { self.state.withLock { $0.counts } }

    /// A scan's tally, counted on by one request's part of the log; nil where there is no such scan.
    ///
    /// Fails with `RelayRefusal`.
    func tally(of id: ScanID, _ limits: Limits, on eventLoop: any EventLoop) -> EventLoopFuture<FacetTally?> {
        let promise = eventLoop.makePromise(of: FacetTally?.self)
        let (isFirst, known) = self.state.withLock { state in
            state.requestCount += 1
            var book = state.books[id] ?? Book(askedAt: 0)
            book.askedAt = state.requestCount
            defer { state.books[id] = book }
            book.waiting.append(promise)
            return (book.waiting.count == 1, book.tally.take())
        }
        if isFirst {
            FacetCount(known, limits, read: { [read] in read(id, $0, eventLoop) }, on: eventLoop) { result in
                self.settle(id, result, limits)
            }
            .run()
        }
        return promise.futureResult
    }

    /// What was counted of a scan that is gone.
    func forget(_ id: ScanID) {
        self.state.withLock { state in
            guard let book = state.books[id] else {
                return
            }
            guard book.waiting.isEmpty else {
                state.books[id]?.isGone = true
                return
            }
            state.counts.bytes -= book.byteCount
            state.books[id] = nil
        }
    }

    private func settle(_ id: ScanID, _ result: FacetCount.Outcome, _ limits: Limits) {
        let waiting = self.state.withLock { state -> [EventLoopPromise<FacetTally?>] in
            guard var book = state.books[id] else {
                return []
            }
            let waiting = book.waiting
            state.counts.bytes -= book.byteCount
            state.books[id] = nil
            if let tally = result.tally, !book.isGone {
                book.waiting = []
                book.tally = tally
                book.byteCount = tally.byteCount
                state.counts.bytes += book.byteCount
                state.books[id] = book
            }
            Self.makeRoom(in: &state, limits)
            return waiting
        }
        for promise in waiting {
            promise.completeWith(result.answer)
        }
    }

    /// Forgets those least recently asked for, until the rest is so far within the limit that it is not at once beyond it
    /// again: each time costs a look at all.
    private static func makeRoom(in state: inout State, _ limits: Limits) {
        guard state.counts.bytes > limits.bytes else {
            return
        }
        let aim = limits.bytes - limits.bytes / 10
        let oldest = state.books.filter { $0.value.waiting.isEmpty }.sorted { $0.value.askedAt < $1.value.askedAt }
        for (id, book) in oldest where state.counts.bytes > aim {
            state.counts.bytes -= book.byteCount
            state.counts.forgotten += 1
            state.books[id] = nil
        }
    }
}
