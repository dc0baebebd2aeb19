import Glibc
import Synchronization

/// Where the threads that read the scanner's output meet the task that delivers it.
///
/// While the gateway takes what it is sent, whoever reads faster waits for it, as a pipe would make it wait. While it
/// is away nobody waits: what has no room is given up, so the scanner is never held up by a gateway that is not there.
final class ScanFeed: Sendable {
    private struct State: Sendable {
        var reader: OutputReader
        var outbox: Outbox
    }

    private let state: Mutex<State>
    private let alarm = Alarm()

    init(reader: OutputReader, outbox: Outbox) {
        self.state = Mutex(State(reader: reader, outbox: outbox))
    }

    /// How much is taken at once, in bytes: few enough that what comes of them has room.
    private static let pieceBytes = 8 * 1024

    /// The scanner wrote something; blocks its thread while the gateway has enough to do.
    func append(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) {
        var rest = bytes
        while !rest.isEmpty {
            self.take(rest.prefix(Self.pieceBytes), from: stream)
            rest = rest.dropFirst(Self.pieceBytes)
            while self.state.withLock({ $0.outbox.isCongested(now: .now) }) {
                usleep(5000)
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) {
        let hasNews = self.state.withLock { state in
            let messages = state.reader.append(bytes, from: stream)
            for message in messages { state.outbox.push(message) }
            return !messages.isEmpty
        }
        if hasNews { self.alarm.ring() }
    }

    /// The scan begins.
    func start(with message: ProgressMessage) {
        self.state.withLock { $0.outbox.push(message, isOwn: true) }
        self.alarm.ring()
    }

    /// The scan is over, and nothing more will come.
    ///
    /// - Parameters:
    ///   - ending: Makes the last message out of the newest one's type; none, if that one ended the scan already.
    ///   - deadline: How long to go on delivering.
    func finish(with ending: (_ newestType: String?) -> ProgressMessage?, deadline: ContinuousClock.Instant) {
        self.state.withLock { state in
            for message in state.reader.finish() { state.outbox.push(message) }
            if let message = ending(state.outbox.newestType) { state.outbox.push(message, isOwn: true) }
            state.outbox.finish(deadline: deadline)
        }
        self.alarm.ring()
    }

    /// Whoever waits for the rest to be delivered wants to wait no longer.
    func giveUp() {
        self.state.withLock { $0.outbox.finish(deadline: .now) }
        self.alarm.ring()
    }

    /// Asks or tells the outbox something.
    func withOutbox<Result: Sendable>(_ body: (inout Outbox) -> sending Result) -> Result {
        self.state.withLock { body(&$0.outbox) }
    }

    /// Returns at `deadline`, or as soon as something is new.
    func wait(until deadline: ContinuousClock.Instant) async {
        await self.alarm.sleep(until: deadline)
    }
}
