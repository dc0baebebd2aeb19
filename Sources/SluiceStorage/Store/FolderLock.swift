internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Keeps other processes out of a store's folder; the system lets go of it when the process ends, however it ends.
final class FolderLock: Sendable {
    private let descriptor: Mutex<Int32?>

    init(folder: String) throws(StoreError) {
        let descriptor = unsafe open(folder + "/sluice.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unusable(path: folder, reason: unsafe String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = close(descriptor)
            throw .inUse(path: folder)
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        self.release()
    }

    /// Lets others in.
    func release() {
        self.descriptor.withLock { descriptor in
            if let open = descriptor {
                _ = close(open)
            }
            descriptor = nil
        }
    }
}
