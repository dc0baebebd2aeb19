internal import Dispatch
internal import GRDB
internal import Logging
internal import NIOCore
internal import SluiceRelay
internal import Synchronization

/// The one reader: answers in the order in which it is asked, on its own thread.
///
/// Invariant behind `@unchecked Sendable`: the connection is touched on `dispatch` alone.
final class StoreReader: @unchecked Sendable {
    private let file: StoreFile
    private let settings: StoreSettings
    private let queue: StoreQueue
    private let logger: Logger
    private let dispatch = DispatchQueue(label: "sluice.storage.reader", qos: .userInitiated)
    private let waiting = Atomic<Int>(0)
    private var database: DatabaseQueue?
    private var isClosed = false

    init(file: StoreFile, settings: StoreSettings, queue: StoreQueue, logger: Logger) {
        self.file = file
        self.settings = settings
        self.queue = queue
        self.logger = logger
    }

    /// Reads something; the promise fails if it cannot be read.
    func read<Answer: Sendable>(
        _ promise: EventLoopPromise<Answer>,
        _ body: @escaping @Sendable (Database, StoreQueue) throws -> Answer
    ) {
        let waiting = self.waiting.add(1, ordering: .relaxed).newValue
        guard waiting <= self.settings.maximumWaitingReads else {
            self.waiting.subtract(1, ordering: .relaxed)
            promise.fail(StoreError.full)
            return
        }
        self.dispatch.async {
            let result = Result { try self.read(body) }
            self.waiting.subtract(1, ordering: .relaxed)
            promise.completeWith(result)
        }
    }

    func close() {
        self.dispatch.sync {
            self.isClosed = true
            try? self.database?.close()
            self.database = nil
        }
    }

    private func read<Answer>(_ body: (Database, StoreQueue) throws -> Answer) throws -> Answer {
        guard !self.isClosed else {
            throw StoreError.closed
        }
        do {
            let database = try self.database ?? self.file.openForReading()
            self.database = database
            return try database.read { try body($0, self.queue) }
        } catch {
            // The next one gets a fresh connection: the file may have been replaced.
            try? self.database?.close()
            self.database = nil
            let reason = StoreReason.text(error)
            self.logger.error("storage not read", metadata: ["error": "\(reason)"])
            throw StoreError.failed(reason: reason)
        }
    }
}
