internal import Dispatch
internal import GRDB
internal import Logging
internal import NIOCore
internal import SluiceRelay
internal import Synchronization

/// The one reader, on its own thread: a turn for each scan, and those of one scan in the order in which it is asked.
///
/// A read that failed is tried again until it works; until then the status says that reading fails.
///
/// Invariant behind `@unchecked Sendable`: mutable state is touched on `dispatch` alone, which is checked wherever the
/// file is opened or closed. It is not an actor, since SQLite blocks its thread: on a serial queue of its own that delays
/// nothing else.
final class StoreReader: @unchecked Sendable {
    private let file: StoreFile
    private let settings: StoreSettings
    private let queue: StoreQueue
    private let logger: Logger
    let dispatch = DispatchQueue(label: "sluice.storage.reader", qos: .userInitiated)
    private let waiting: Mutex<ReadQueue<@Sendable (StoreReader) -> Void>>
    private(set) var database: DatabaseQueue?
    /// How often the writer had reopened the file when `database` was opened.
    private var generation = 0
    /// How many faults of mapped files there had been by then.
    private var knownFaults = 0
    /// The last read that failed.
    private var failed: (@Sendable (Database, StoreQueue) throws -> Void)?
    /// Whether it met damage, which does not pass by itself.
    private var isFailedForGood = false
    private var isClosed = false

    init(file: StoreFile, settings: StoreSettings, queue: StoreQueue, logger: Logger) {
        self.file = file
        self.settings = settings
        self.queue = queue
        self.logger = logger
        self.waiting = Mutex(ReadQueue(maximumCount: settings.maximumWaitingReads))
    }

    /// Reads something; the promise fails with `RelayRefusal` or `StoreError` if it cannot be read.
    func read<Answer: Sendable>(
        of scan: ReadQueue<@Sendable (StoreReader) -> Void>.Scan,
        _ promise: EventLoopPromise<Answer>,
        _ body: @escaping @Sendable (Database, StoreQueue) throws -> Answer
    ) {
        let job = { @Sendable (reader: StoreReader) in
            promise.completeWith(Result { try reader.read(body) })
        }
        guard self.waiting.withLock({ $0.add(job, of: scan) }) else {
            promise.fail(StoreError.full)
            return
        }
        self.dispatch.async {
            self.waiting.withLock { $0.next() }?(self)
        }
    }

    /// The writer no longer trusts the file.
    func fileFailed() {
        self.dispatch.async { self.closeFile() }
    }

    func close() {
        self.dispatch.sync {
            self.isClosed = true
            self.failed = nil
            self.closeFile()
        }
    }

    private func read<Answer>(_ body: @escaping @Sendable (Database, StoreQueue) throws -> Answer) throws -> Answer {
        guard !self.isClosed else {
            throw StoreError.closed
        }
        do {
            return try self.readTwice(body)
        } catch let refusal as RelayRefusal {
            // Nothing is wrong with the file: it knows nothing of the scan.
            throw refusal
        } catch let fault as PageFault {
            // The messages before the fault are shown; a reader of those behind it gets the error.
            self.closeFile()
            guard let page = fault.page as? Answer else {
                throw StoreError.failed(reason: StoreReason.text(fault.error))
            }
            return page
        } catch {
            self.noteFailure(error) { _ = try body($0, $1) }
            throw Self.isDamage(error)
                ? RelayRefusal.storageDamaged : StoreError.failed(reason: StoreReason.text(error))
        }
    }

    /// SQLite calls it damage, too, when the disk gives nothing back; a fresh connection, which begins with the file's
    /// first page, mostly tells the two apart.
    private func readTwice<Answer>(_ body: (Database, StoreQueue) throws -> Answer) throws -> Answer {
        do {
            return try self.readNow(body)
        } catch {
            guard Self.isDamage(error) else {
                throw error
            }
            self.closeFile()
            return try self.readNow(body)
        }
    }

    private func readNow<Answer>(_ body: (Database, StoreQueue) throws -> Answer) throws -> Answer {
        let answer = try self.open().read { try body($0, self.queue) }
        // The mapped pages must still have been those of the files.
        guard MappingFault.count == self.knownFaults else {
            throw StoreError.failed(reason: "a mapped file cannot be used any more")
        }
        return answer
    }

    /// A connection to the file that stands there now.
    private func open() throws -> DatabaseQueue {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        let generation = self.queue.generation
        if let database = self.database, generation == self.generation {
            return database
        }
        self.closeFile()
        self.knownFaults = MappingFault.count
        let database = try self.file.openForReading()
        self.database = database
        self.generation = generation
        return database
    }

    private func closeFile() {
        dispatchPrecondition(condition: .onQueue(self.dispatch))
        try? self.database?.close()
        self.database = nil
    }

    private func noteFailure(_ error: any Error, _ read: @escaping @Sendable (Database, StoreQueue) throws -> Void) {
        // The next one gets a fresh connection: the file may have been replaced.
        self.closeFile()
        let reason = StoreReason.text(error)
        let isFirst = self.queue.readFailed(reason)
        self.logger.log(level: isFirst ? .error : .debug, "storage not read", metadata: ["error": "\(reason)"])
        let isAwaited = self.failed != nil
        // Damage, which stays, is not replaced by a passing failure.
        if !isAwaited || !self.isFailedForGood {
            self.failed = read
            self.isFailedForGood = Self.isDamage(error)
        }
        if !isAwaited {
            self.retryLater()
        }
    }

    private func retryLater() {
        self.dispatch.asyncAfter(deadline: .now() + .nanoseconds(Int(self.settings.retryInterval.nanoseconds))) {
            self.retry()
        }
    }

    private func retry() {
        guard let failed = self.failed else {
            return
        }
        do {
            try self.readNow(failed)
        } catch is RelayRefusal {
            // The scan is gone, and with it the failure.
        } catch is PageFault {
            // The first of it can be read.
            self.closeFile()
        } catch {
            self.closeFile()
            _ = self.queue.readFailed(StoreReason.text(error))
            self.retryLater()
            return
        }
        self.failed = nil
        self.isFailedForGood = false
        self.queue.readWorks()
        self.logger.notice("storage is read again")
    }

    /// Whether trying again is of no use.
    private static func isDamage(_ error: any Error) -> Bool {
        let code = (error as? DatabaseError)?.resultCode
        return code == .SQLITE_CORRUPT || code == .SQLITE_NOTADB
    }
}
