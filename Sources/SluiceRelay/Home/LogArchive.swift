import NIOCore
import SluiceBase

/// The source of messages of one life of a log that memory has dropped.
enum LogArchive {
    case store(any ScanStore, life: Int64)
    case engine(any ScanEngine, ScanID, epoch: String)

    /// Reads one page; fails with `RelayRefusal`.
    func read(_ request: StoredPageRequest, promise: EventLoopPromise<StoredPage>) {
        switch self {
        case .store(let store, let life):
            var request = request
            request.life = life
            store.read(request, promise: promise)
        case .engine(let engine, let id, let epoch):
            engine.read(request, of: id, epoch: epoch, promise: promise)
        }
    }
}
