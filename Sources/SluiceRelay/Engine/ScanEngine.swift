package import NIOCore
package import SluiceBase

/// A log of scans that several processes share: each appends to it, and shows what it reads back.
///
/// A scan's records stand in one order that all processes read. A record *counts* if it names the one before it that
/// counted (``LogRecord/prev``); else it is void, as if never written. So whoever appends learns from the order
/// alone whether its judgement held. The relay judges a request where the scan stands, the engine says `confirmed` or
/// `overtaken`, and what was overtaken is judged again, by the relay, behind what came in between.
///
/// What names an event loop is called on it, and answers on it: it is the loop of the scan's home. All else may be
/// called from any thread. Nothing blocks.
package protocol ScanEngine: Sendable {
    /// How the engine is, for the metrics and the gateway's readiness.
    var status: EngineStatus { get }
    /// Whether no leader of any part of the log has answered for so long that nothing is to be promised or shown any
    /// more: what waits fails, and subscribers are closed until it is false again.
    var isCutOff: Bool { get }
    /// How long a draft is tried, from the time that the oldest of its requests came.
    var appendTimeout: TimeAmount { get }
    /// The most that the records of one draft may come to by ``byteCount(of:)``, in bytes.
    var maximumRecordBytes: Int { get }
    /// The most requests of one draft.
    var maximumRequestCount: Int { get }
    /// Whether the chores of a scan are this process's: of those that share the log one says so, but for moments.
    func keeps(_ id: ScanID) -> Bool
    /// Whether the log is about to lose the record at which reading the scan begins: who keeps it opens it then, so that
    /// what must not be lost is repeated.
    func isOld(_ header: RecordHeader) -> Bool
    /// What a record of a draft takes of ``maximumRecordBytes``, in bytes; never less than its messages have.
    func byteCount(of record: LogRecord) -> Int

    /// Reads a scan's log and goes on reading: the follower is told on the loop what is there, then every record that
    /// counts, once and in order, own ones too.
    ///
    /// A scan is followed at most once by each process. The follower is held until ``unfollow(_:on:)``.
    func follow(_ id: ScanID, _ follower: any ScanFollower, on eventLoop: any EventLoop)

    /// The follower is told nothing more, also of what was on its way.
    ///
    /// An append that is open then is settled as `unavailable`.
    func unfollow(_ id: ScanID, on eventLoop: any EventLoop)

    /// When this process may write to a scan, to which others write as well: they go first until then, or until a
    /// record is told.
    ///
    /// What is appended before is not wrong, but likely overtaken.
    func turn(of id: ScanID, on eventLoop: any EventLoop) -> NIODeadline

    /// Writes what requests do to a scan that is followed and open, all or nothing.
    ///
    /// One at a time for a scan. The promise is one of the home's loop, and is kept only after the follower was told of
    /// every record that decided it; it does not fail.
    func append(_ draft: RecordDraft, to id: ScanID, promise: EventLoopPromise<AppendOutcome>)

    /// The newest record of a scan, also of one that has ended, by the word of the log's leader; nil where there is none.
    ///
    /// Fails with `RelayRefusal`.
    func last(of id: ScanID, promise: EventLoopPromise<RecordHeader?>)

    /// One page of one life of a scan's log, also of one that has ended.
    ///
    /// Fails with `RelayRefusal`: `scanNotFound` where nothing is known of that life, `storageDamaged` where it stays
    /// so, and `storageUnavailable` where trying again may help.
    func read(
        _ request: StoredPageRequest,
        of id: ScanID,
        epoch: String,
        promise: EventLoopPromise<StoredPage>
    )

    /// The newest record of every scan whose channel stands, without bodies and in no order; it may be two seconds old.
    ///
    /// Fails with `RelayRefusal`.
    func list(promise: EventLoopPromise<[RecordHeader]>)

    /// The same of those parts of the log that have a leader: for chores, which do the others once they have one. It may
    /// be ten times as old as it takes to make one.
    func listReachable(promise: EventLoopPromise<[RecordHeader]>)

    /// Forgets everything of a scan before a place, which is that of the end that was appended; what comes behind it stays.
    ///
    /// The greatest number is the place of nothing: everything goes.
    ///
    /// Fails with `RelayRefusal`.
    func erase(_ id: ScanID, before place: UInt64, promise: EventLoopPromise<Void>)
}

/// Who is told what a scan's log holds: the home of the scan.
///
/// Called on the home's loop, never from within a call of ``ScanEngine``'s own.
package protocol ScanFollower: AnyObject {
    /// The log is read from here on: nothing of it is to be shown before ``opened(_:)``.
    ///
    /// It comes again where so much was missed that the log had to be read anew; then it takes the place of all that
    /// was told before.
    ///
    /// - Parameters:
    ///   - image: What the newest complete carry repeats; nil where the scan has none, or there is no scan.
    ///   - place: Where it is read from: the image's place, or that of the record before the first that follows.
    func opening(_ image: ScanImage?, place: UInt64)

    /// Everything that the log's leader named when it was asked has been told.
    ///
    /// - Parameter last: The newest record of it; nil where there is none.
    func opened(_ last: RecordHeader?)

    /// The log cannot be read now; the engine tries on, and tells of it by ``opening(_:place:)``.
    ///
    /// What was told before may be old, and is not to be shown any more.
    func notOpened(_ refusal: RelayRefusal)

    /// The log cannot be followed, and the engine does so no longer: nothing is to be shown of it.
    ///
    /// `storageDamaged` where it stays so until the scan is erased, `storageUnavailable` where another process may
    /// read it.
    func failed(_ refusal: RelayRefusal)

    /// One record of the log that counts, as what each request in it does, in order.
    ///
    /// The first stands behind the last one told (`prev` is its place) and has the record's place; the others have
    /// this as both. Where a record changes nothing (a part of a carry) it is one that only moves the place.
    func apply(_ records: [LogRecord])

    /// Messages up to this number are gone from the log, but for what its newest carry repeats.
    func lost(through seq: Seq)

    /// What a carry has to repeat of everything that was told so far; nil while not all of it is applied: to be asked
    /// again later.
    func image() -> ScanImage?
}
