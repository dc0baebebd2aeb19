internal import NIOCore
internal import SluiceAdmission
internal import SluiceBase
internal import SluiceRelay
internal import Synchronization

/// The jobs that wait for the writer, and the state of the store: all that several threads share.
final class StoreQueue: Sendable {
    /// How the store is.
    private enum Condition {
        case works
        case failed(String)
        case closed
    }

    private struct State {
        var jobs: [StoreJob] = []
        var status = StoreStatus()
        var condition = Condition.works
        var isWriterAwake = false
        var lostThrough: [Int64: Seq] = [:]
        var generation = 0
        var age = WallTime(milliseconds: 0)
    }

    private let settings: StoreSettings
    private let state = Mutex(State())

    init(settings: StoreSettings) {
        self.settings = settings
    }

    var status: StoreStatus { self.state.withLock { $0.status } }

    /// Whether a job would be taken now.
    var isAvailable: Bool {
        self.state.withLock { self.refusal($0) == nil }
    }

    /// Whether the store has failed and was not reopened yet.
    var hasFailed: Bool {
        self.state.withLock { if case .failed = $0.condition { true } else { false } }
    }

    /// The time by the ``AgeClock``.
    var age: WallTime {
        get { self.state.withLock { $0.age } }
        set { self.state.withLock { $0.age = newValue } }
    }

    /// How often the file was reopened: an older connection may see a file that is no longer there.
    var generation: Int { self.state.withLock { $0.generation } }

    /// Adds a job, or fails it.
    ///
    /// Returns whether the writer must be woken.
    func add(_ job: StoreJob) -> Bool {
        let (refusal, wakes) = self.state.withLock { state -> (StoreError?, Bool) in
            if let refusal = self.refusal(state) {
                state.status.failedWrites += 1
                return (refusal, false)
            }
            state.jobs.append(job)
            state.status.waitingWrites += 1
            state.status.waitingBytes += job.byteCount
            defer { state.isWriterAwake = true }
            return (nil, !state.isWriterAwake)
        }
        if let refusal {
            job.fail(refusal)
        }
        return wakes
    }

    /// Takes all jobs; the writer sleeps if there are none.
    func takeJobs() -> [StoreJob] {
        self.state.withLock { state in
            defer { state.jobs = [] }
            state.isWriterAwake = !state.jobs.isEmpty
            return state.jobs
        }
    }

    /// Jobs are durable.
    func written(_ jobs: [StoreJob], seconds: Double) {
        self.state.withLock { state in
            Self.remove(jobs, from: &state.status)
            state.status.storedMessages += jobs.reduce(0) { $0 + $1.messageCount }
            state.status.commits += 1
            state.status.commitTimes.observe(seconds)
        }
    }

    /// Jobs will not be durable; the store takes nothing more until ``works()``.
    func failed(_ jobs: [StoreJob], _ reason: String) {
        let waiting = self.state.withLock { state in
            if case .works = state.condition {
                state.condition = .failed(reason)
            }
            state.status.failure = reason
            let waiting = jobs + state.jobs
            state.jobs = []
            Self.remove(waiting, from: &state.status)
            state.status.failedWrites += waiting.count
            return waiting
        }
        for job in waiting {
            job.fail(.failed(reason: reason))
        }
    }

    /// One job alone cannot be done.
    func refused(_ job: StoreJob, _ error: StoreError) {
        self.state.withLock { state in
            Self.remove([job], from: &state.status)
            state.status.failedWrites += 1
        }
        job.fail(error)
    }

    /// The store has come back.
    func works() {
        self.state.withLock { state in
            if case .failed = state.condition {
                state.condition = .works
            }
            state.status.failure = nil
            state.generation += 1
        }
    }

    /// Something that is stored could not be read.
    ///
    /// Returns whether everything could be until now.
    func readFailed(_ reason: String) -> Bool {
        self.state.withLock { state in
            defer { state.status.readFailure = reason }
            state.status.failedReads += 1
            return state.status.readFailure == nil
        }
    }

    /// Reading works again.
    func readWorks() {
        self.state.withLock { $0.status.readFailure = nil }
    }

    /// Nothing more is taken.
    func close() {
        self.state.withLock { $0.condition = .closed }
    }

    func count(_ change: (inout StoreStatus) -> Void) {
        self.state.withLock { change(&$0.status) }
    }

    /// Up to where ordinary messages of a log are gone.
    func lostThrough(_ life: Int64) -> Seq {
        self.state.withLock { $0.lostThrough[life] ?? 0 }
    }

    /// Ordinary messages of a log are gone up to a seq.
    func lost(_ life: Int64, through seq: Seq) {
        self.state.withLock { $0.lostThrough[life] = max($0.lostThrough[life] ?? 0, seq) }
    }

    /// A log is gone altogether.
    func forget(_ life: Int64) {
        self.state.withLock { $0.lostThrough[life] = nil }
    }

    private func refusal(_ state: State) -> StoreError? {
        switch state.condition {
        case .closed:
            return .closed
        case .failed(let reason):
            return .failed(reason: reason)
        case .works:
            let isFull =
                state.status.waitingBytes >= self.settings.maximumWaitingBytes
                || state.status.waitingWrites >= self.settings.maximumWaitingWrites
            return isFull ? .full : nil
        }
    }

    private static func remove(_ jobs: [StoreJob], from status: inout StoreStatus) {
        status.waitingWrites -= jobs.count
        status.waitingBytes -= jobs.reduce(0) { $0 + $1.byteCount }
    }
}

/// A job for the writer.
enum StoreJob: Sendable {
    case write(StoreWrite, at: WallTime, EventLoopPromise<Void>?)
    case revocation(KeptRevocation, @Sendable ((any Error)?) -> Void)
    case erase(ScanID, EventLoopPromise<Bool>)
    case hookDone(HookDelivery)

    /// Its bytes against `maximumWaitingBytes`: those of the messages and deliveries, and 256 for the job.
    var byteCount: Int {
        switch self {
        case .write(let write, _, _):
            write.deliveries.reduce(write.entries.reduce(256) { $0 + $1.message.byteCount + 64 }) { bytes, delivery in
                bytes + delivery.body.count + 256
            }
        case .revocation, .erase, .hookDone: 256
        }
    }

    var messageCount: Int {
        if case .write(let write, _, _) = self { write.entries.count } else { 0 }
    }

    func fail(_ error: StoreError) {
        switch self {
        case .write(_, _, let promise): promise?.fail(error)
        case .revocation(_, let done): done(error)
        case .hookDone: break
        case .erase(_, let promise): promise.fail(error)
        }
    }
}
