internal import NIOCore
internal import SluiceBase
internal import SluiceRelay

/// What waits for the writer.
enum StoreJob: Sendable {
    case write(StoreWrite, at: WallTime, EventLoopPromise<Void>?)
    case revocation(StoredRevocation, EventLoopPromise<Void>?)
    case erase(ScanID, EventLoopPromise<Bool>)

    /// What it counts against the limit of what may wait: the messages, and a little for the job itself.
    var byteCount: Int {
        switch self {
        case .write(let write, _, _): write.entries.reduce(256) { $0 + $1.message.byteCount + 64 }
        case .revocation, .erase: 256
        }
    }

    var messageCount: Int {
        if case .write(let write, _, _) = self { write.entries.count } else { 0 }
    }

    func fail(_ error: StoreError) {
        switch self {
        case .write(_, _, let promise), .revocation(_, let promise): promise?.fail(error)
        case .erase(_, let promise): promise.fail(error)
        }
    }
}
