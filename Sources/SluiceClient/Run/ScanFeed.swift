import Synchronization

/// Where the threads that read the scanner's output meet the task that delivers it.
///
/// Nobody waits here for long: what has no room is given up, so the scanner is never held up.
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

    /// The scanner wrote something.
    func append(_ bytes: ArraySlice<UInt8>, from stream: ScannerStream) {
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
