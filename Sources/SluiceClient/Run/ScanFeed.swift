import SluiceSystem
import Synchronization

/// Where the threads that read the scanner's output meet the task that delivers it.
///
/// While the gateway takes messages, a faster reader waits for it, as on a pipe. While the gateway is away no reader
/// waits: messages without room are dropped, so an absent gateway never delays the scanner.
final class ScanFeed: Sendable {
    /// Held while the queue is filled, so that messages are in the order of the output; never the other way round.
    ///
    /// Delivery does not wait while a long line is read.
    private let reader: Mutex<OutputReader>
    private let queue: Mutex<PostQueue>
    private let alarm = Alarm()

    init(reader: OutputReader, queue: PostQueue) {
        self.reader = Mutex(reader)
        self.queue = Mutex(queue)
    }

    /// How many bytes are taken at once: few enough that the resulting messages have room.
    private static let pieceBytes = 8 * 1024

    /// The scanner wrote something; blocks its thread while the gateway has enough to do.
    func append(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) {
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest.prefix(Self.pieceBytes)
            self.take { $0.append(piece, from: stream) }
            rest = rest.dropFirst(Self.pieceBytes)
        }
    }

    /// A stream has ended; blocks its thread likewise.
    func end(_ stream: ScannerStream) {
        self.take { $0.end(stream) }
    }

    /// Hands over the messages that something makes, part by part as there is room for them.
    private func take(_ read: (inout OutputReader) -> [ProgressMessage]) {
        var hasMore = self.push(read)
        while true {
            while self.queue.withLock({ $0.isCongested(now: .now) }) {
                usleep(5000)
            }
            guard hasMore else { return }
            hasMore = self.push { $0.more() }
        }
    }

    /// Returns whether there are more.
    private func push(_ read: (inout OutputReader) -> [ProgressMessage]) -> Bool {
        let (hasNews, hasMore) = self.reader.withLock { reader in
            let messages = read(&reader)
            if !messages.isEmpty { self.push(messages) }
            return (!messages.isEmpty, reader.hasMore)
        }
        if hasNews { self.alarm.ring() }
        return hasMore
    }

    private func push(_ messages: [ProgressMessage]) {
        self.queue.withLock { queue in
            for message in messages { queue.push(message) }
        }
    }

    /// The scan begins.
    func start(with message: ProgressMessage) {
        self.queue.withLock { $0.push(message, isOwn: true) }
        self.alarm.ring()
    }

    /// The scan is over, and nothing more will come.
    ///
    /// - Parameters:
    ///   - ending: Makes the last message from the newest one's type and the last lines of standard error; none,
    ///     if the newest one ended the scan already.
    ///   - deadline: How long to continue delivering.
    func finish(
        with ending: (_ newestType: String?, _ errorTail: String?) -> ProgressMessage?,
        deadline: ContinuousClock.Instant
    ) {
        self.reader.withLock { reader in
            self.push(reader.finish())
            let errorTail = reader.errorTail.text
            self.queue.withLock { queue in
                if let message = ending(queue.newestType, errorTail) { queue.push(message, isOwn: true) }
                queue.finish(deadline: deadline)
            }
        }
        self.alarm.ring()
    }

    /// Ends the wait for the rest to be delivered.
    func giveUp() {
        self.queue.withLock { $0.finish(deadline: .now) }
        self.alarm.ring()
    }

    /// Asks or tells the queue something.
    func withQueue<Result: Sendable>(_ body: (inout PostQueue) -> sending Result) -> Result {
        self.queue.withLock { body(&$0) }
    }

    /// Returns at `deadline`, or as soon as something is new.
    func wait(until deadline: ContinuousClock.Instant) async {
        await self.alarm.sleep(until: deadline)
    }
}
